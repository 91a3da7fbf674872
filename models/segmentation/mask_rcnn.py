"""Mask R-CNN's mask head (He et al. 2017, arXiv:1703.06870, figure 4, right): from the aligned
features of a region to a mask for each of 80 classes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder


def mask_head(b: "Builder", x: str) -> str:
    """Probabilities of 80 masks, 28x28, of the features x [256, 14, 14] of a region."""
    for k in range(1, 5):
        x = b.conv_relu(f"conv{k}", x, b.scaled(256), 3, pad=1)
    x = b.relu(b.conv_transpose("upsample", x, b.scaled(256), 2, 2))
    return b.sigmoid(b.conv("mask", x, 80, 1))
