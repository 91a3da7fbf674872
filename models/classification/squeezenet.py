"""SqueezeNet (2016), versions 1.0 and 1.1: fire modules, no fully connected layer, pools in ceil
mode.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

#: Channels of squeeze and of each expand branch, fire2 to fire9.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def squeezenet(b: "Builder", x: str) -> str:
    """Pools follow fire4 and fire8; the stem is 7x7@96."""
    return _squeezenet(b, b.conv_relu("conv1", x, b.scaled(96), 7, stride=2), (4, 8))


def squeezenet1_1(b: "Builder", x: str) -> str:
    """Pools follow fire3 and fire5; the stem is 3x3@64."""
    return _squeezenet(b, b.conv_relu("conv1", x, b.scaled(64), 3, stride=2), (3, 5))


def _squeezenet(b: "Builder", x: str, pools: tuple[int, ...]) -> str:
    x = b.max_pool("pool1", x, 3, 2, ceil=True)
    for k, (squeeze, expand) in enumerate(FIRES, 2):
        x = b.conv_relu(f"fire{k}.squeeze", x, b.scaled(squeeze), 1)
        x = b.concat(
            f"fire{k}",
            [
                b.conv_relu(f"fire{k}.expand1x1", x, b.scaled(expand), 1),
                b.conv_relu(f"fire{k}.expand3x3", x, b.scaled(expand), 3, pad=1),
            ],
        )
        if k in pools:
            x = b.max_pool(f"pool{k}", x, 3, 2, ceil=True)
    x = b.conv_relu("conv10", b.dropout(x), 1000, 1)
    return b.softmax(b.flatten(b.global_pool("pool10", x)))
