"""A reader of a line of handwritten digits: 6 convolutions that turn the picture into scores of the
ten digits and of "none" at 40 steps from left to right, trained by bench/trained/digit_reader.py
into digit_reader.onnx.

Steps become characters by connectionist temporal classification (Graves et al., 2006).
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

#: The trained network, and the pictures beside it.
ONNX_FILE = Path(__file__).with_name("digit_reader.onnx")
PICTURES = Path(__file__).with_name("digit_reader")
ALPHABET = "0123456789"
#: Height and width of its input.
HEIGHT, WIDTH = 32, 160


def digit_reader(b: "Builder", x: str) -> str:
    """Scores [11, 1, 40] of input x: "none" and the ten digits, at each step."""
    y = b.max_pool("pool1", b.conv_relu("conv1", x, 16, 3, pad=1), 2, 2)
    y = b.conv_relu("conv2", y, 32, 3, pad=1)
    y = b.max_pool("pool2", b.conv_relu("conv3", y, 32, 3, pad=1), 2, 2)
    y = b.conv_relu("conv4", y, 64, 3, stride=(2, 1), pad=1)
    y = b.conv_relu("conv5", y, 64, (4, 3), pad=(0, 1))
    return b.conv("conv6", y, len(ALPHABET) + 1, 1)
