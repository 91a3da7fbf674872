"""FASNet (Lucena et al. 2017, ICIAR, "Transfer learning using convolutional neural networks for
face anti-spoofing"): VGG-16 on small pictures, a layer of 256, and one probability.
"""

from typing import TYPE_CHECKING

from ..classification.vgg import PLANS, stage

if TYPE_CHECKING:
    from ..builder import Builder


def fasnet(b: "Builder", x: str) -> str:
    """The probability that input x is no live face but a picture of one."""
    for number, kernels in enumerate(PLANS["vgg16"], 1):
        x = b.max_pool(f"pool{number}", stage(b, x, number, kernels), 2, 2)
    x = b.dropout(b.relu(b.fc("fc1", b.flatten(x), b.scaled(256))))
    return b.sigmoid(b.fc("attack", x, 1, gain=0.005))
