"""DenseNet-BC (2016): batch norm and ReLU come before each convolution, and every layer reads all
before it.
"""

from typing import TYPE_CHECKING

from .resnet import conv_norm_relu

if TYPE_CHECKING:
    from ..builder import Builder

#: Layers of each dense block.
PLANS = {
    "densenet121": (6, 12, 24, 16),
    "densenet169": (6, 12, 32, 32),
    "densenet201": (6, 12, 48, 32),
    "densenet264": (6, 12, 64, 48),
}
GROWTH = 32


def densenet(b: "Builder", x: str) -> str:
    """The probabilities of 1,000 classes of input x; the plan is that of the network's name."""
    growth = b.scaled(GROWTH)
    x = conv_norm_relu(b, "conv0", x, 2 * growth, 7, stride=2, pad=3)
    x = b.max_pool("pool0", x, 3, 2, pad=1)
    for block, layers in enumerate(PLANS[b.name], 1):
        for k in range(1, layers + 1):
            x = _layer(b, f"block{block}.layer{k}", x, growth)
        if block < 4:
            x = norm_relu_conv(b, f"transition{block}", x, b.shapes[x][0] // 2, 1)
            x = b.average_pool(f"transition{block}.pool", x, 2, 2)
    x = b.relu(b.batch_norm("norm5", x))
    return b.softmax(b.fc("classifier", b.flatten(b.global_pool("pool5", x)), 1000, gain=60.0))


def norm_relu_conv(
    b: "Builder",
    name: str,
    x: str,
    channels: int,
    kernel: int | tuple[int, int],
    pad: int | tuple[int, int] = 0,
) -> str:
    """Batch norm, ReLU and a convolution without bias."""
    return b.conv(
        name, b.relu(b.batch_norm(f"{name}.norm", x)), channels, kernel, pad=pad, bias=False
    )


def _layer(b: "Builder", name: str, x: str, growth: int) -> str:
    y = norm_relu_conv(b, f"{name}.conv1", x, 4 * growth, 1)
    return b.concat(name, [x, norm_relu_conv(b, f"{name}.conv2", y, growth, 3, pad=1)])
