"""Larger pictures, brightness only: SRCNN (Dong et al. 2014, arXiv:1501.00092, 9-1-5), ESPCN (Shi
et al. 2016, arXiv:1609.05158) and FSRCNN (Dong et al. 2016, arXiv:1608.00367, d = 56, s = 12, m =
4).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

FACTOR = 3


def srcnn(b: "Builder", x: str) -> str:
    """A sharper picture of input x, which was enlarged before."""
    x = b.conv_relu("conv1", x, b.scaled(64), 9, pad=4)
    x = b.conv_relu("conv2", x, b.scaled(32), 1)
    return b.conv("conv3", x, 1, 5, pad=2, gain=1.0)


def espcn(b: "Builder", x: str) -> str:
    """Input x three times as large: nine pixels from nine channels."""
    x = b.tanh(b.conv("conv1", x, b.scaled(64), 5, pad=2))
    x = b.tanh(b.conv("conv2", x, b.scaled(32), 3, pad=1))
    x = b.conv("conv3", x, FACTOR**2, 3, pad=1, gain=1.0)
    return b.depth_to_space("enlarged", x, FACTOR)


def fsrcnn(b: "Builder", x: str) -> str:
    """Input x three times as large, by a transposed convolution; PReLU behind all others."""
    wide, narrow = b.scaled(56), b.scaled(12)
    x = _conv_prelu(b, "features", x, wide, 5)
    x = _conv_prelu(b, "shrink", x, narrow, 1)
    for k in range(1, 5):
        x = _conv_prelu(b, f"map{k}", x, narrow, 3)
    x = _conv_prelu(b, "expand", x, wide, 1)
    return b.conv_transpose("enlarged", x, 1, 9, FACTOR, pad=4, output_pad=FACTOR - 1, gain=1.0)


def _conv_prelu(b: "Builder", name: str, x: str, channels: int, kernel: int) -> str:
    return b.prelu(f"{name}.prelu", b.conv(name, x, channels, kernel, pad=kernel // 2))
