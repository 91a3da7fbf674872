"""Colourful image colorization (Zhang, Isola, Efros 2016, arXiv:1603.08511): from brightness to 313
colours for each pixel of a quarter of the size, and their mean.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

COLOURS = 313
#: Channels, convolutions, stride of the last one and dilation of each group.
GROUPS = (
    (64, 2, 2, 1),
    (128, 2, 2, 1),
    (256, 3, 2, 1),
    (512, 3, 1, 1),
    (512, 3, 1, 2),
    (512, 3, 1, 2),
    (512, 3, 1, 1),
)


def coloriser(b: "Builder", x: str) -> str:
    """The two colour channels (a and b of Lab) of input x, a fourth of its size."""
    for group, (channels, convs, stride, dilation) in enumerate(GROUPS, 1):
        for k in range(1, convs + 1):
            x = b.conv_relu(
                f"conv{group}_{k}",
                x,
                b.scaled(channels),
                3,
                stride=stride if k == convs else 1,
                pad=dilation,
                dilation=dilation,
            )
        x = b.batch_norm(f"norm{group}", x)
    x = b.relu(b.conv_transpose("conv8_1", x, b.scaled(256), 4, 2, 1))
    for k in (2, 3):
        x = b.conv_relu(f"conv8_{k}", x, b.scaled(256), 3, pad=1)
    x = b.softmax(b.conv("colours", x, COLOURS, 1, gain=8.0), axis=1)
    return b.conv("ab", x, 2, 1, bias=False, gain=1e6)
