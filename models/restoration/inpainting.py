"""The context encoder (Pathak et al. 2016, arXiv:1604.07379): the middle of a picture from what is
around it.
"""

from typing import TYPE_CHECKING

from ..classification.resnet import conv_norm

if TYPE_CHECKING:
    from ..builder import Builder


def context_encoder(b: "Builder", x: str) -> str:
    """The middle 64x64 pixels of input x [3, 128, 128]."""
    x = b.leaky_relu(b.conv("encode1", x, b.scaled(64), 4, stride=2, pad=1), 0.2)
    for k, channels in enumerate((64, 128, 256, 512), 2):
        x = conv_norm(b, f"encode{k}", x, b.scaled(channels), 4, stride=2, pad=1)
        x = b.leaky_relu(x, 0.2)
    x = b.leaky_relu(conv_norm(b, "bottleneck", x, b.scaled(4000), b.shapes[x][1:][0]), 0.2)
    for k, channels in enumerate((512, 256, 128, 64), 1):
        stride, pad = (1, 0) if k == 1 else (2, 1)
        x = b.conv_transpose(f"decode{k}", x, b.scaled(channels), 4, stride, pad, bias=False)
        x = b.relu(b.batch_norm(f"decode{k}.norm", x))
    return b.tanh(b.conv_transpose("decode5", x, 3, 4, 2, 1, gain=1.0))
