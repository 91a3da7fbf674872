"""ResNet (2015), ResNeXt-50 32x4d (2016), SE-ResNet-50 (2017); bottlenecks stride in the 3x3
convolution ("v1.5").
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..builder import Builder

#: Blocks of each stage.
PLANS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
    "resnext50": (3, 4, 6, 3),
    "seresnet50": (3, 4, 6, 3),
}


def resnet(b: "Builder", x: str) -> str:
    """The probabilities of 1,000 classes of input x; blocks are those of the network's name."""
    block = basic if b.name in ("resnet18", "resnet34") else bottleneck
    x = conv_norm_relu(b, "conv1", x, b.scaled(64), 7, stride=2, pad=3)
    x = b.max_pool("pool1", x, 3, 2, pad=1)
    for stage, blocks in enumerate(PLANS[b.name], 1):
        for k in range(blocks):
            x = block(
                b,
                f"layer{stage}.{k}",
                x,
                32 << stage,
                2 if stage > 1 and k == 0 else 1,
                branch_gain(blocks),
            )
    x = b.flatten(b.global_pool("pool5", x))
    return b.softmax(b.fc("fc", x, 1000))


def branch_gain(blocks: int) -> float:
    """Gain of the last batch norm of a stage's branches: with 1, every block's sum would double the
    variance.
    """
    return min(0.5, 1.5 / math.sqrt(blocks))


def conv_norm(
    b: "Builder",
    name: str,
    x: str,
    channels: int,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    pad: int | tuple[int, int] = 0,
    groups: int = 1,
    gain: float = 1.0,
) -> str:
    """A convolution without bias, and batch norm."""
    y = b.conv(name, x, channels, kernel, stride, pad, groups, bias=False)
    return b.batch_norm(f"{name}.norm", y, gain)


def conv_norm_relu(
    b: "Builder", name: str, x: str, channels: int, kernel: int | tuple[int, int], **options: Any
) -> str:
    """A convolution without bias, batch norm and ReLU."""
    return b.relu(conv_norm(b, name, x, channels, kernel, **options))


def basic(
    b: "Builder", name: str, x: str, channels: int, stride: int | tuple[int, int], gain: float
) -> str:
    """Two 3x3 convolutions to `channels`."""
    channels = b.scaled(channels)
    y = conv_norm_relu(b, f"{name}.conv1", x, channels, 3, stride=stride, pad=1)
    y = conv_norm(b, f"{name}.conv2", y, channels, 3, pad=1, gain=gain)
    return _join(b, name, x, y, stride)


def bottleneck(
    b: "Builder", name: str, x: str, channels: int, stride: int | tuple[int, int], gain: float
) -> str:
    """1x1, 3x3 (32 groups and twice as wide in ResNeXt), 1x1 to four times `channels`, squeeze and
    excitation in SE.
    """
    groups = 32 if b.name == "resnext50" else 1
    inner = b.scaled(2 * channels, groups) if groups > 1 else b.scaled(channels)
    y = conv_norm_relu(b, f"{name}.conv1", x, inner, 1)
    y = conv_norm_relu(b, f"{name}.conv2", y, inner, 3, stride=stride, pad=1, groups=groups)
    y = conv_norm(b, f"{name}.conv3", y, b.scaled(4 * channels), 1, gain=gain)
    if b.name == "seresnet50":
        y = squeeze_excite(b, f"{name}.se", y)
    return _join(b, name, x, y, stride)


def squeeze_excite(b: "Builder", name: str, x: str, reduction: int = 16) -> str:
    """x times a gate a channel, computed from the channels' means."""
    channels = b.shapes[x][0]
    gate = b.conv_relu(
        f"{name}.fc1", b.global_pool(f"{name}.pool", x), max(1, channels // reduction), 1
    )
    gate = b.sigmoid(b.conv(f"{name}.fc2", gate, channels, 1))
    return b.multiply(name, x, gate)


def _join(b: "Builder", name: str, x: str, y: str, stride: int | tuple[int, int]) -> str:
    if b.shapes[x] != b.shapes[y]:
        x = conv_norm(b, f"{name}.downsample", x, b.shapes[y][0], 1, stride=stride)
    return b.relu(b.add(f"{name}.add", y, x))
