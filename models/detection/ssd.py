"""SSD-300 (Liu et al. 2015, arXiv:1512.02325) on VGG-16 for the 20 classes of VOC: six maps with
4 or 6 default boxes a cell, 8,732 in all.
"""

from typing import TYPE_CHECKING

import numpy as np

from hwcnn.tasks import Boxes, default_boxes

from ..classification.vgg import PLANS, stage

if TYPE_CHECKING:
    from ..builder import Builder

CLASSES = 21
#: Default boxes of a cell of each map.
BOXES = (4, 6, 6, 6, 4, 4)
#: Channels of the 1x1 and of the 3x3 convolution of what follows VGG, and the latter's stride.
EXTRA = ((256, 512, 2), (128, 256, 2), (128, 256, 1), (128, 256, 1))
TASK = Boxes(
    "ssd",
    strides=(8, 16, 32, 64, 100, 300),
    anchors=default_boxes(
        (30, 60, 111, 162, 213, 264),
        (60, 111, 162, 213, 264, 315),
        ((2,), *((2, 3),) * 3, (2,), (2,)),
    ),
)


def ssd300(b: "Builder", x: str) -> tuple[str, str]:
    """Offsets [8732, 4] from the default boxes, and probabilities [8732, 21] of the classes."""
    maps = []
    for number, kernels in enumerate(PLANS["vgg16"], 1):
        x = stage(b, x, number, kernels)
        if number == 4:
            maps.append(_l2_norm(b, "conv4_3.norm", x))
        last = number == 5
        x = b.max_pool(f"pool{number}", x, *((3, 1, 1) if last else (2, 2)), ceil=True)
    x = b.conv_relu("fc6", x, b.scaled(1024), 3, pad=6, dilation=6)
    maps.append(x := b.conv_relu("fc7", x, b.scaled(1024), 1))
    for k, (inner, channels, stride) in enumerate(EXTRA, 6):
        x = b.conv_relu(f"conv{k}_1", x, b.scaled(inner), 1)
        x = b.conv_relu(f"conv{k}_2", x, b.scaled(channels), 3, stride=stride, pad=stride - 1)
        maps.append(x)
    offsets, scores = (
        b.node("Concat", parts, name, (sum(b.shapes[p][0] for p in parts), size), axis=1)
        for name, size in (("offsets", 4), ("scores", CLASSES))
        for parts in [[_head(b, f"{name}{k}", m, BOXES[k], size) for k, m in enumerate(maps)]]
    )
    return offsets, b.softmax(scores)


def _l2_norm(b: "Builder", name: str, x: str) -> str:
    """Each pixel's channels divided by their root of squares, times about 20 a channel
    (arXiv:1506.04579).
    """
    channels = b.shapes[x][0]
    scale = (20 + b.rng(name).standard_normal((1, channels, 1, 1))).astype(np.float32)
    x = b.node("LpNormalization", [x], f"{name}.unit", b.shapes[x], axis=1, p=2)
    return b.node("Mul", [x, b.constant(f"{name}.scale", scale)], name, b.shapes[x])


def _head(b: "Builder", name: str, x: str, boxes: int, size: int) -> str:
    """`size` values for each box of each cell: [cells * boxes, size]."""
    gain = 0.001 if b.shapes[x][1] < 38 else 1.0  # those behind it are not normalised
    x = b.conv(name, x, boxes * size, 3, pad=1, gain=gain)
    _, height, width = b.shapes[x]
    x = b.transpose(f"{name}.pixels", x, (1, 2, 0))
    return b.reshape(f"{name}.rows", x, (height * width * boxes, size))
