"""VGG (2014), configurations A, A-LRN, B, C, D and E of the paper, arXiv:1409.1556."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

#: Convolutions of each stage; 1 stands for a 1x1 convolution.
PLANS = {
    "vgg11": ("3", "3", "33", "33", "33"),
    "vgg11-lrn": ("3", "3", "33", "33", "33"),
    "vgg13": ("33", "33", "33", "33", "33"),
    "vgg16c": ("33", "33", "331", "331", "331"),
    "vgg16": ("33", "33", "333", "333", "333"),
    "vgg19": ("33", "33", "3333", "3333", "3333"),
}
#: Channels of each stage.
CHANNELS = (64, 128, 256, 512, 512)


def stage(b: "Builder", x: str, number: int, kernels: str, first_pad: int = 1) -> str:
    """The convolutions of one stage, from 1 on, as `PLANS` has them. first_pad : of its first one,
    where it is 3x3.
    """
    for k, kernel in enumerate(map(int, kernels), 1):
        pad = first_pad if k == 1 else kernel // 2
        x = b.conv_relu(f"conv{number}_{k}", x, b.scaled(CHANNELS[number - 1]), kernel, pad=pad)
    return x


def vgg(b: "Builder", x: str) -> str:
    """The probabilities of 1,000 classes of input x; the plan is that of the network's name."""
    for number, kernels in enumerate(PLANS[b.name], 1):
        x = stage(b, x, number, kernels)
        if b.name == "vgg11-lrn" and number == 1:
            x = b.lrn("norm1", x, bias=2.0)
        x = b.max_pool(f"pool{number}", x, 2, 2)
    return b.softmax(b.fc("fc8", hidden(b, b.flatten(x)), 1000, gain=0.001))


def hidden(b: "Builder", x: str) -> str:
    """The two fully connected layers of 4,096 values before the classifier."""
    for name in ("fc6", "fc7"):
        x = b.dropout(b.relu(b.fc(name, x, b.scaled(4096))))
    return x
