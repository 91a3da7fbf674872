"""Early fusion (Karpathy et al. 2014, CVPR, "Large-scale video classification with convolutional
neural networks"): ten frames are the 30 channels of one input; for 27 gestures.
"""

from typing import TYPE_CHECKING

from ..classification.vgg import hidden

if TYPE_CHECKING:
    from ..builder import Builder

FRAMES, GESTURES = 10, 27


def gesture(b: "Builder", x: str) -> str:
    """The probabilities of 27 gestures in input x, ten frames."""
    x = b.lrn("norm1", b.conv_relu("conv1", x, b.scaled(96), 11, stride=3))
    x = b.max_pool("pool1", x, 2, 2)
    x = b.lrn("norm2", b.conv_relu("conv2", x, b.scaled(256), 5, pad=2))
    x = b.max_pool("pool2", x, 2, 2)
    for k, channels in enumerate((384, 384, 256), 3):
        x = b.conv_relu(f"conv{k}", x, b.scaled(channels), 3, pad=1)
    x = b.max_pool("pool5", x, 2, 2)
    return b.softmax(b.fc("gestures", hidden(b, b.flatten(x)), GESTURES, gain=2.0))
