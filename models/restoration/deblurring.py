"""Blur: the deconvolution network of Xu et al. 2014 (NIPS 27, "Deep convolutional neural network
for image deconvolution"), whose large kernels are separable, and the network of Sun et al. 2015
(arXiv:1503.00593) that finds the motion which blurred a patch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

MOTIONS = 73


def deconvolution(b: "Builder", x: str) -> str:
    """The middle of input x without its blur: 1x121 and 121x1 kernels, then those that take away
    artefacts (16x16, 1x1, and 8x8 over all of the map).
    """
    x = b.tanh(b.conv("rows", x, b.scaled(38), (1, 121)))
    x = b.tanh(b.conv("columns", x, b.scaled(38), (121, 1)))
    x = b.tanh(b.conv("conv3", x, b.scaled(512), 16))
    x = b.tanh(b.conv("conv4", x, b.scaled(512), 1))
    return b.conv("conv5", x, 1, 8, pad=7, gain=1.0)


def motion(b: "Builder", x: str) -> str:
    """The probabilities of 73 motions that may have blurred the patch x."""
    x = b.max_pool("pool1", b.conv_relu("conv1", x, b.scaled(96), 7), 2, 2)
    x = b.max_pool("pool2", b.conv_relu("conv2", x, b.scaled(256), 5), 2, 2)
    x = b.relu(b.fc("fc3", b.flatten(x), b.scaled(1024)))
    return b.softmax(b.fc("fc4", x, MOTIONS, gain=8.0))
