"""GoogLeNet (2014): LRN, nine inception modules with 5x5 branches, ceil-mode pools; no auxiliary
classifiers.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

#: Channels of 1x1, 3x3 reduction, 3x3, 5x5 reduction, 5x5, pool projection.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet(b: "Builder", x: str) -> str:
    """The probabilities of 1,000 classes of input x."""
    x = b.dropout(b.flatten(features(b, x)))
    return b.softmax(b.fc("classifier", x, 1000, gain=0.015))


def features(b: "Builder", x: str) -> str:
    """The 1,024 features before the classifier."""
    x = b.conv_relu("conv1", x, b.scaled(64), 7, stride=2, pad=3)
    x = b.lrn("norm1", b.max_pool("pool1", x, 3, 2, ceil=True))
    x = b.conv_relu("conv2_reduce", x, b.scaled(64), 1)
    x = b.lrn("norm2", b.conv_relu("conv2", x, b.scaled(192), 3, pad=1))
    x = b.max_pool("pool2", x, 3, 2, ceil=True)
    for name, channels in MODULES.items():
        x = _inception(b, f"inception_{name}", x, [b.scaled(c) for c in channels])
        if name in ("3b", "4e"):
            x = b.max_pool(f"pool{name[0]}", x, 3, 2, ceil=True)
    return b.global_pool("pool5", x)


def _inception(b: "Builder", name: str, x: str, channels: Sequence[int]) -> str:
    one, reduce3, three, reduce5, five, projection = channels
    return b.concat(
        name,
        [
            b.conv_relu(f"{name}.1x1", x, one, 1),
            b.conv_relu(
                f"{name}.3x3", b.conv_relu(f"{name}.3x3_reduce", x, reduce3, 1), three, 3, pad=1
            ),
            b.conv_relu(
                f"{name}.5x5", b.conv_relu(f"{name}.5x5_reduce", x, reduce5, 1), five, 5, pad=2
            ),
            b.conv_relu(
                f"{name}.projection", b.max_pool(f"{name}.pool", x, 3, 1, pad=1), projection, 1
            ),
        ],
    )
