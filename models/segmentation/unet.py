"""U-Net (Ronneberger, Fischer, Brox 2015, arXiv:1505.04597): convolutions without padding, maps of
the way down cropped and concatenated on the way up; one grey channel in, two classes out.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder


def unet(b: "Builder", x: str) -> str:
    """Scores of two classes for each pixel of the middle of input x: 184 rows and columns less.
    Sizes are multiples of 16, and 12.
    """
    maps = []
    for level in range(4):
        maps.append(_pair(b, f"down{level}", x, 64 << level))
        x = b.max_pool(f"pool{level}", maps[-1], 2, 2)
    x = _pair(b, "bottom", x, 1024)
    for level in reversed(range(4)):
        up = b.relu(b.conv_transpose(f"up{level}", x, b.scaled(64 << level), 2, 2))
        offset = (b.shapes[maps[level]][1] - b.shapes[up][1]) // 2
        copied = b.crop(f"crop{level}", maps[level], offset, offset, up)
        x = _pair(b, f"up{level}", b.concat(f"concat{level}", [copied, up]), 64 << level)
    return b.conv("score", x, 2, 1, gain=1.0)


def _pair(b: "Builder", name: str, x: str, channels: int) -> str:
    for k in (1, 2):
        x = b.conv_relu(f"{name}.conv{k}", x, b.scaled(channels), 3)
    return x
