"""MC-CNN, the fast one (Zbontar and LeCun 2015, arXiv:1510.05970): two towers with the same
weights, and how well each pixel of the left picture fits the pixels to the left of it in the right
one.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..builder import Builder

LAYERS, DISPARITIES = 4, 64


def matcher(b: "Builder", x: str) -> str:
    """Similarity, from -1 to 1, at 64 disparities for each pixel of input x, the left picture; the
    right one is the input "right".
    """
    height, width = b.shapes[x][1:]
    left, right = (
        _tower(b, side, picture)
        for side, picture in (("left", x), ("right", b.input("right", (1, height, width))))
    )
    right = b.pad("right.shifted", right, (0, 0, DISPARITIES - 1), (0, 0, 0))
    fits = []
    for d in range(DISPARITIES):
        at = b.crop(f"right{d}", right, 0, DISPARITIES - 1 - d, left)
        products = b.multiply(f"product{d}", left, at)
        axes = b.constant("channels.axes", np.array([1]))
        fits.append(b.node("ReduceSum", [products, axes], f"fit{d}", (1, height, width)))
    return b.concat("similarity", fits)


def _tower(b: "Builder", side: str, x: str) -> str:
    """Features of length 1 for each pixel."""
    for k in range(1, LAYERS + 1):
        gain = 2.0 if k < LAYERS else 1.0
        x = b.conv(f"{side}.conv{k}", x, b.scaled(64), 3, pad=1, gain=gain, weights=f"conv{k}")
        x = b.relu(x) if k < LAYERS else x
    return b.node("LpNormalization", [x], f"{side}.unit", b.shapes[x], axis=1, p=2)
