"""Handwritten digits: 28x28 grey, four 3x3 convolutions, 3.7 MMAC; trained by bench/digits/train.py
into digits.onnx.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

#: The trained network, and the pictures beside it.
ONNX_FILE = Path(__file__).with_name("digits.onnx")
PICTURES = Path(__file__).with_name("digits")
LABELS = tuple("0123456789")


def digits(b: "Builder", x: str) -> str:
    """The probabilities of the ten digits of input x, with weights that are not trained yet."""
    x = b.max_pool("pool1", b.conv_relu("conv1", x, 16, 3, pad=1), 2, 2)
    x = b.conv_relu("conv2", x, 32, 3, pad=1)
    x = b.max_pool("pool2", b.conv_relu("conv3", x, 32, 3, pad=1), 2, 2)
    x = b.conv_relu("conv4", x, 64, 3, pad=1)
    x = b.flatten(b.global_pool("pool4", x))
    return b.softmax(b.fc("fc", x, 10))
