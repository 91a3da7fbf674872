"""Holistically-nested edge detection (Xie and Tu 2015, arXiv:1504.06375): VGG-16 with an edge map
at the end of each stage, and their weighted sum.
"""

from typing import TYPE_CHECKING

from ..classification.vgg import PLANS, stage

if TYPE_CHECKING:
    from ..builder import Builder

#: Around the picture, as in the network that its authors published.
PAD = 35


def hed(b: "Builder", x: str) -> tuple[str, ...]:
    """The fused map of edges (probabilities) of input x, then those of the five stages."""
    picture, sides = x, []
    for number, kernels in enumerate(PLANS["vgg16"], 1):
        if number > 1:
            x = b.max_pool(f"pool{number - 1}", x, 2, 2, ceil=True)
        x = stage(b, x, number, kernels, first_pad=PAD if number == 1 else 1)
        side, factor = b.conv(f"side{number}", x, 1, 1, gain=0.002), 1 << number - 1
        if factor > 1:
            side = b.bilinear(f"side{number}.up", side, factor)
        # a bilinear kernel adds (factor - 1) / 2 pixels around, rounded up, beyond what it enlarges
        offset = PAD - 1 + factor // 2
        sides.append(b.crop(f"side{number}.crop", side, offset, offset, picture))
    fused = b.conv("fuse", b.concat("sides", sides), 1, 1, gain=1.0)
    return tuple(b.sigmoid(side) for side in (fused, *sides))
