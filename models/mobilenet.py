"""MobileNet v1 (2017): depthwise 3x3 and pointwise 1x1 convolutions in turn."""

from typing import TYPE_CHECKING

from .resnet import conv_norm_relu

if TYPE_CHECKING:
    from .builder import Builder

#: Output channels and stride of each of the 13 pairs.
PAIRS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def mobilenet(b: "Builder", x: str) -> str:
    """The probabilities of 1,000 classes of input x."""
    x = conv_norm_relu(b, "conv1", x, b.scaled(32), 3, stride=2, pad=1)
    for k, (channels, stride) in enumerate(PAIRS, 2):
        c_in = b.shapes[x][0]
        x = conv_norm_relu(b, f"conv{k}.depthwise", x, c_in, 3, stride=stride, pad=1, groups=c_in)
        x = conv_norm_relu(b, f"conv{k}.pointwise", x, b.scaled(channels), 1)
    x = b.flatten(b.global_pool("pool", x))
    return b.softmax(b.fc("fc", x, 1000, gain=12.0))
