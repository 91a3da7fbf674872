"""Widths and input sizes at which the built-in networks are small enough to try in a moment; a
trained one has only its own.
"""

from .catalogue import names

#: Networks that classify.
CLASSIFICATION: dict[str, tuple[float, int | tuple[int, int]]] = {
    "alexnet": (0.25, 99),
    "googlenet": (0.25, 64),
    "squeezenet": (0.25, 64),
    "squeezenet1.1": (0.25, 64),
    "mobilenet": (0.25, 64),
    "mobilenetv2": (0.25, 64),
    "seresnet50": (0.5, 64),
    "table64": (0.25, 64),
    "table400": (0.25, 180),
    **{name: (0.125, 32) for name in names() if name.startswith("vgg")},
    **{name: (0.125, 64) for name in names() if name.startswith("res")},
    **{name: (0.25, 64) for name in names() if name.startswith("densenet")},
}
#: Networks of the other tasks.
TASKS: dict[str, tuple[float, int | tuple[int, int]]] = {
    "yolov2-tiny": (0.125, 64),
    "yolov3-tiny": (0.125, 96),
    "ssd300": (0.0625, 300),
    "faster-rcnn": (0.125, (64, 96)),
    "faster-rcnn-head": (0.03125, 6),
    "fcn8s": (0.03125, 24),
    "unet": (0.0625, 188),
    "mask-rcnn-head": (0.125, 14),
    "hed": (0.0625, 32),
    "landmarks68": (1, 40),
    "openpose": (0.0625, 40),
    "face-descriptor": (0.25, 150),
    "fasnet": (0.125, 32),
    "srcnn": (0.5, 32),
    "espcn": (0.5, 24),
    "fsrcnn": (0.5, 24),
    "dncnn": (0.25, 24),
    "denoise-mlp": (0.0625, 39),
    "deconvolution": (0.125, 140),
    "motion-blur": (0.25, 30),
    "context-encoder": (0.0625, 128),
    "cyclegan": (0.125, 32),
    "coloriser": (0.0625, 48),
    "crnn": (0.125, (32, 64)),
    "show-and-tell": (0.125, 64),
    "mc-cnn": (0.25, (12, 80)),
    "voxels": (0.0625, 64),
    "siamfc": (0.125, 215),
    "gesture": (0.125, 100),
    "gcn": (0.5, (60, 1)),
}
