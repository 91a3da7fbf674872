"""MobileNet v1 (2017): depthwise 3x3 and pointwise 1x1 convolutions in turn; v2 (2018): inverted
residuals with linear bottlenecks.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .resnet import conv_norm_relu

if TYPE_CHECKING:
    from ..builder import Builder

#: Output channels and stride of each of the 13 pairs.
PAIRS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def mobilenet(b: "Builder", x: str) -> str:
    """The probabilities of 1,000 classes of input x."""
    x = conv_norm_relu(b, "conv1", x, b.scaled(32), 3, stride=2, pad=1)
    for k, (channels, stride) in enumerate(PAIRS, 2):
        c_in = b.shapes[x][0]
        x = conv_norm_relu(b, f"conv{k}.depthwise", x, c_in, 3, stride=stride, pad=1, groups=c_in)
        x = conv_norm_relu(b, f"conv{k}.pointwise", x, b.scaled(channels), 1)
    x = b.flatten(b.global_pool("pool", x))
    return b.softmax(b.fc("fc", x, 1000, gain=12.0))


#: Expansion, output channels, blocks and stride of the first of each group of v2 (table 2 of the
#: paper, arXiv:1801.04381).
INVERTED_RESIDUALS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2(b: "Builder", x: str) -> str:
    """MobileNetV2 1.0 as torchvision defines it; softmax at the end."""
    x = _norm_relu6(b, "conv1", x, b.scaled(32, 8), 3, stride=2, pad=1)
    for group, (expansion, channels, blocks, first_stride) in enumerate(INVERTED_RESIDUALS, 1):
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            name = f"group{group}.block{block}"
            x = _inverted_residual(b, name, x, expansion, b.scaled(channels, 8), stride)
    x = _norm_relu6(b, "conv_last", x, max(1280, b.scaled(1280, 8)), 1)
    x = b.flatten(b.global_pool("pool", x))
    return b.softmax(b.fc("fc", x, 1000, gain=12.0))


def _inverted_residual(
    b: "Builder", name: str, x: str, expansion: int, channels: int, stride: int
) -> str:
    """Expansion by a 1x1 convolution, a depthwise 3x3, and a projection without activation, to
    which x is added where the shapes allow it.
    """
    y, c_in = x, b.shapes[x][0]
    if expansion > 1:
        y = _norm_relu6(b, f"{name}.expand", y, expansion * c_in, 1)
    wide = b.shapes[y][0]
    y = _norm_relu6(b, f"{name}.depthwise", y, wide, 3, stride=stride, pad=1, groups=wide)
    y = b.conv(f"{name}.project", y, channels, 1, bias=False, gain=1.0)
    y = b.batch_norm(f"{name}.project.norm", y)
    return b.add(f"{name}.add", x, y) if stride == 1 and c_in == channels else y


def _norm_relu6(b: "Builder", name: str, x: str, channels: int, kernel: int, **options: Any) -> str:
    x = b.conv(name, x, channels, kernel, bias=False, **options)
    x = b.batch_norm(f"{name}.norm", x)
    limits = [
        b.constant(f"{name}.{n}", np.array(v, np.float32)) for n, v in (("low", 0.0), ("high", 6.0))
    ]
    return b.node("Clip", [x, *limits], f"{x}.relu6", b.shapes[x])
