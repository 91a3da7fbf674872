"""CycleGAN's generator (Zhu et al. 2017, arXiv:1703.10593, after Johnson et al. 2016): nine
residual blocks, instance normalisation, reflected edges.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

BLOCKS = 9


def generator(b: "Builder", x: str) -> str:
    """Input x in the other style, from -1 to 1."""
    x = _norm_relu(b, "c7s1", _reflected(b, "c7s1", x, b.scaled(64), 7))
    for k, channels in ((1, 128), (2, 256)):
        x = b.conv(f"down{k}", x, b.scaled(channels), 3, stride=2, pad=1)
        x = _norm_relu(b, f"down{k}", x)
    for k in range(1, BLOCKS + 1):
        y = _norm_relu(b, f"block{k}.1", _reflected(b, f"block{k}.1", x, b.scaled(256), 3))
        y = _reflected(b, f"block{k}.2", y, b.scaled(256), 3)
        x = b.add(f"block{k}", x, b.instance_norm(f"block{k}.2.norm", y, gain=0.5))
    for k, channels in ((1, 128), (2, 64)):
        x = b.conv_transpose(f"up{k}", x, b.scaled(channels), 3, 2, 1, 1)
        x = _norm_relu(b, f"up{k}", x)
    return b.tanh(_reflected(b, "c7s1-3", x, 3, 7, gain=0.5))


def _reflected(
    b: "Builder", name: str, x: str, channels: int, kernel: int, gain: float = 2.0
) -> str:
    """A convolution over the map with its edges reflected."""
    by = 0, kernel // 2, kernel // 2
    return b.conv(name, b.pad(f"{name}.pad", x, by, by, "reflect"), channels, kernel, gain=gain)


def _norm_relu(b: "Builder", name: str, x: str) -> str:
    return b.relu(b.instance_norm(f"{name}.norm", x))
