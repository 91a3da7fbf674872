"""Twice the resolution of a picture's luminance: 4 convolutions and a pixel shuffle, trained by
bench/trained/super_resolver.py into super_resolver.onnx.

As in ESPCN (Shi et al., 2016) all convolutions have the input's resolution; as in VDSR (Kim et al.,
2016) they compute what interpolation lacks.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..builder import Builder

#: The trained network, and the pictures beside it.
ONNX_FILE = Path(__file__).with_name("super_resolver.onnx")
PICTURES = Path(__file__).with_name("super_resolver")
#: Height and width of its input; factor; convolutions and their channels.
SIZE, FACTOR, LAYERS, CHANNELS = 96, 2, 4, 16


def super_resolver(b: "Builder", x: str) -> str:
    """The picture x, twice as high and wide."""
    _, height, width = b.shapes[x]
    shape = (1, FACTOR * height, FACTOR * width)
    y = b.conv_relu("conv1", x, CHANNELS, 5, pad=2)
    for number in range(2, LAYERS):
        y = b.conv_relu(f"conv{number}", y, CHANNELS, 3, pad=1)
    y = b.conv(f"conv{LAYERS}", y, FACTOR * FACTOR, 3, pad=1)
    detail = b.node("DepthToSpace", [y], "detail", shape, blocksize=FACTOR, mode="CRD")
    scales = b.constant("scales", np.array([1, 1, FACTOR, FACTOR], np.float32))
    smooth = b.node("Resize", [x, "", scales], "smooth", shape, mode="linear")
    return b.node("Add", [smooth, detail], "enlarged", shape)
