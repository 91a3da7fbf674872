"""Widths and input sizes at which a built-in network is small enough to run in a test; `digits` has
only its own.
"""

from hwcnn import models

SMALL = {
    "alexnet": (0.25, 99),
    "googlenet": (0.25, 64),
    "squeezenet": (0.25, 64),
    "squeezenet1.1": (0.25, 64),
    "mobilenet": (0.25, 64),
    "mobilenetv2": (0.25, 64),
    "seresnet50": (0.5, 64),
    "table64": (0.25, 64),
    "table400": (0.25, 180),
    **{name: (0.125, 32) for name in models.names() if name.startswith("vgg")},
    **{name: (0.125, 64) for name in models.names() if name.startswith("res")},
    **{name: (0.25, 64) for name in models.names() if name.startswith("densenet")},
}
