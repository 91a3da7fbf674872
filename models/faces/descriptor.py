"""dlib's face descriptor (King 2009, JMLR 10; the network of dlib's example of metric learning):
a ResNet with 29 convolutions and 128 outputs. Two faces are of one person where their descriptors
are nearer than 0.6.
"""

from typing import TYPE_CHECKING

from ..classification.resnet import conv_norm, conv_norm_relu

if TYPE_CHECKING:
    from ..builder import Builder

#: Channels and blocks of each level, and whether its first block halves the size.
LEVELS = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))


def descriptor(b: "Builder", x: str) -> str:
    """128 values that describe input x, an aligned face."""
    x = conv_norm_relu(b, "conv1", x, b.scaled(32), 7, stride=2)
    x = b.max_pool("pool1", x, 3, 2)
    for level, (channels, blocks, halves) in enumerate(LEVELS, 1):
        for k in range(blocks):
            x = _block(b, f"level{level}.{k}", x, b.scaled(channels), halves and k == 0)
    return b.fc("descriptor", b.flatten(b.global_pool("pool5", x)), 128)


def _block(b: "Builder", name: str, x: str, channels: int, halves: bool) -> str:
    """Two 3x3 convolutions and what they are added to; the one that halves has no pad, and an
    average pool beside it. dlib adds maps of different sizes as if the smaller had zeros behind it.
    """
    y = conv_norm_relu(b, f"{name}.conv1", x, channels, 3, stride=1 + halves, pad=1 - halves)
    y = conv_norm(b, f"{name}.conv2", y, channels, 3, pad=1, gain=0.5)
    if halves:
        x = b.average_pool(f"{name}.pool", x, 2, 2)
    larger = [max(sizes) for sizes in zip(b.shapes[x], b.shapes[y], strict=True)]
    x, y = (
        t
        if (more := [m - n for m, n in zip(larger, b.shapes[t], strict=True)]) == [0, 0, 0]
        else b.pad(f"{t}.padded", t, (0, 0, 0), tuple(more))
        for t in (x, y)
    )
    return b.relu(b.add(f"{name}.add", x, y))
