"""Two networks for comparison tables, named by the width of their input; convolutions without
padding.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder


def table64(b: "Builder", x: str) -> str:
    """64x64x3, two classes: 62, 60, 30, 28, 14, 12 and 6 pixels wide."""
    x = b.conv_relu("conv1", x, b.scaled(16), 3)
    x = b.max_pool("pool2", b.conv_relu("conv2", x, b.scaled(32), 3), 2, 2)
    x = b.max_pool("pool3", b.conv_relu("conv3", x, b.scaled(64), 3), 2, 2)
    x = b.max_pool("pool4", b.conv_relu("conv4", x, b.scaled(64), 3), 2, 2)
    x = b.relu(b.fc("fc5", b.flatten(x), b.scaled(500)))
    return b.softmax(b.fc("fc6", x, 2))


def table400(b: "Builder", x: str) -> str:
    """400x400x3, ten classes: 196, 49, 45, 22, 20, 18 and 9 pixels wide, pools in ceil mode."""
    x = b.lrn("norm1", b.conv_relu("conv1", x, b.scaled(80), 10, stride=2))
    x = b.max_pool("pool1", x, 6, 4, ceil=True)
    x = b.lrn("norm2", b.conv_relu("conv2", x, b.scaled(120), 5))
    x = b.max_pool("pool2", x, 3, 2, ceil=True)
    x = b.conv_relu("conv3", x, b.scaled(160), 3)
    x = b.max_pool("pool4", b.conv_relu("conv4", x, b.scaled(200), 3), 3, 2, ceil=True)
    x = b.relu(b.fc("fc5", b.flatten(x), b.scaled(320)))
    x = b.relu(b.fc("fc6", x, b.scaled(320)))
    return b.softmax(b.fc("fc7", x, 10, gain=0.02))
