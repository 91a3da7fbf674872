"""Facial landmarks by the plain network of Wu, Hassner et al. 2015 (arXiv:1511.04031): four
convolutions and two fully connected layers; for 68 points, the paper for five.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

POINTS = 68
#: Channels and kernel of each convolution; a pool follows the first three.
CONVS = ((16, 5), (48, 3), (64, 3), (64, 2))


def landmarks(b: "Builder", x: str) -> str:
    """x and y of 68 points, as parts of the width and height of input x, a face."""
    for k, (channels, kernel) in enumerate(CONVS, 1):
        x = b.conv(f"conv{k}", x, b.scaled(channels), kernel, gain=0.5)
        x = b.unary("Abs", b.tanh(x))
        if k < len(CONVS):
            x = b.max_pool(f"pool{k}", x, 2, 2)
    x = b.unary("Abs", b.tanh(b.fc("fc5", b.flatten(x), b.scaled(100), gain=1.0)))
    return b.fc("points", x, 2 * POINTS)
