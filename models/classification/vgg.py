"""VGG (2014), configurations A, A-LRN, B, C, D and E of the paper."""

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


def vgg(b: "Builder", x: str) -> str:
    """The probabilities of 1,000 classes of input x; the plan is that of the network's name."""
    for stage, (kernels, channels) in enumerate(
        zip(PLANS[b.name], (64, 128, 256, 512, 512), strict=True), 1
    ):
        for k, kernel in enumerate(map(int, kernels), 1):
            x = b.conv_relu(f"conv{stage}_{k}", x, b.scaled(channels), kernel, pad=kernel // 2)
            if b.name == "vgg11-lrn" and stage == 1:
                x = b.lrn("norm1", x, bias=2.0)
        x = b.max_pool(f"pool{stage}", x, 2, 2)
    x = b.flatten(x)
    for name in ("fc6", "fc7"):
        x = b.dropout(b.relu(b.fc(name, x, b.scaled(4096))))
    return b.softmax(b.fc("fc8", x, 1000, gain=0.001))
