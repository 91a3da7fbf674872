"""AlexNet as published in 2012: 227x227, two groups in conv2, conv4 and conv5, LRN before
pooling.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder


def alexnet(b: "Builder", x: str) -> str:
    """The probabilities of 1,000 classes of input x."""
    x = b.conv_relu("conv1", x, b.scaled(96, 2), 11, stride=4)
    x = b.max_pool("pool1", b.lrn("norm1", x, bias=2.0), 3, 2)
    x = b.conv_relu("conv2", x, b.scaled(256, 2), 5, pad=2, groups=2)
    x = b.max_pool("pool2", b.lrn("norm2", x, bias=2.0), 3, 2)
    x = b.conv_relu("conv3", x, b.scaled(384, 2), 3, pad=1)
    x = b.conv_relu("conv4", x, b.scaled(384, 2), 3, pad=1, groups=2)
    x = b.conv_relu("conv5", x, b.scaled(256, 2), 3, pad=1, groups=2)
    x = b.flatten(b.max_pool("pool5", x, 3, 2))
    x = b.dropout(b.relu(b.fc("fc6", x, b.scaled(4096))))
    x = b.dropout(b.relu(b.fc("fc7", x, b.scaled(4096))))
    return b.softmax(b.fc("fc8", x, 1000, gain=0.02))
