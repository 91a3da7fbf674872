"""FCN-8s on the trunk of VGG-16 (Long, Shelhamer, Darrell 2014, arXiv:1411.4038): 21 classes.

Layers, pads and crops as in the network that its authors published: a pad of 100 around the
picture, so that one of any size has an output, and what is too much is cropped.
"""

from typing import TYPE_CHECKING

from ..classification.vgg import PLANS, stage

if TYPE_CHECKING:
    from ..builder import Builder

CLASSES = 21


def fcn8s(b: "Builder", x: str) -> str:
    """Scores of 21 classes for each pixel of input x."""
    picture, pools = x, {}
    for number, kernels in enumerate(PLANS["vgg16"], 1):
        x = stage(b, x, number, kernels, first_pad=100 if number == 1 else 1)
        x = pools[number] = b.max_pool(f"pool{number}", x, 2, 2, ceil=True)
    x = b.dropout(b.conv_relu("fc6", x, b.scaled(4096), 7))
    x = b.dropout(b.conv_relu("fc7", x, b.scaled(4096), 1))
    x = b.bilinear("upscore2", b.conv("score_fr", x, CLASSES, 1, gain=1.0), 2)
    x = _fuse(b, x, pools[4], 4, 5)
    x = _fuse(b, b.bilinear("upscore_pool4", x, 2), pools[3], 3, 9)
    return b.crop("score", b.bilinear("upscore8", x, 8), 31, 31, picture)


def _fuse(b: "Builder", x: str, pool: str, number: int, offset: int) -> str:
    """x, and the scores that an earlier pool gives."""
    score = b.conv(f"score_pool{number}", pool, CLASSES, 1, gain=1.0)
    score = b.crop(f"score_pool{number}.crop", score, offset, offset, x)
    return b.add(f"fuse_pool{number}", x, score)
