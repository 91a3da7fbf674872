"""Noise taken away: DnCNN-S (Zhang et al. 2016, arXiv:1608.03981), 17 convolutions that find the
noise, and the plain fully connected network of Burger et al. 2012 (CVPR, "Image denoising: can
plain neural networks compete with BM3D?") for patches.
"""

from typing import TYPE_CHECKING

from ..classification.resnet import conv_norm_relu

if TYPE_CHECKING:
    from ..builder import Builder

DEPTH = 17
#: Hidden values, and the side of the patch that comes out of one of 39x39.
HIDDEN, SIDE = (3072, 3072, 2559, 2047), 17


def dncnn(b: "Builder", x: str) -> str:
    """Input x without its noise."""
    y = b.conv_relu("conv1", x, b.scaled(64), 3, pad=1)
    for k in range(2, DEPTH):
        y = conv_norm_relu(b, f"conv{k}", y, b.scaled(64), 3, pad=1)
    return b.subtract("clean", x, b.conv(f"conv{DEPTH}", y, b.shapes[x][0], 3, pad=1, gain=0.1))


def mlp(b: "Builder", x: str) -> str:
    """The middle of the patch x without its noise."""
    x = b.flatten(x)
    for k, values in enumerate(HIDDEN, 1):
        x = b.tanh(b.fc(f"fc{k}", x, b.scaled(values), gain=1.5))
    return b.reshape("clean", b.fc("fc5", x, SIDE**2, gain=1.0), (1, SIDE, SIDE))
