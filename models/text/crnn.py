"""CRNN (Shi, Bai, Yao 2015, arXiv:1507.05717): seven convolutions turn a word into a sequence, two
bidirectional LSTMs read it, and each step gives probabilities of a blank and 36 characters.
"""

from typing import TYPE_CHECKING

import numpy as np

from ..classification.resnet import conv_norm_relu

if TYPE_CHECKING:
    from ..builder import Builder

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
HIDDEN = 256


def crnn(b: "Builder", x: str) -> str:
    """Probabilities [steps, 37] of input x, 32 rows high."""
    x = b.max_pool("pool1", b.conv_relu("conv1", x, b.scaled(64), 3, pad=1), 2, 2)
    x = b.max_pool("pool2", b.conv_relu("conv2", x, b.scaled(128), 3, pad=1), 2, 2)
    x = b.conv_relu("conv3", x, b.scaled(256), 3, pad=1)
    x = b.max_pool("pool3", b.conv_relu("conv4", x, b.scaled(256), 3, pad=1), (2, 1), (2, 1))
    x = conv_norm_relu(b, "conv5", x, b.scaled(512), 3, pad=1)
    x = conv_norm_relu(b, "conv6", x, b.scaled(512), 3, pad=1)
    x = b.conv_relu("conv7", b.max_pool("pool6", x, (2, 1), (2, 1)), b.scaled(512), 2)
    return b.softmax(_read(b, x))


def _read(b: "Builder", x: str) -> str:
    """Scores of the columns of x; ONNX's LSTM has the steps before the batch."""
    channels, rows, steps = b.shapes[x]
    x = b.reshape("columns", x, (channels * rows, steps))
    x = b.node("Transpose", [x], "sequence", (steps, channels * rows), perm=(2, 0, 1))
    hidden = b.scaled(HIDDEN)
    for k in (1, 2):
        x, *_ = b.lstm(f"lstm{k}", x, hidden, both=True)
        x = b.node("Transpose", [x], f"lstm{k}.step", (steps, 2, hidden), perm=(0, 2, 1, 3))
        shape = b.constant(f"lstm{k}.shape", np.array([steps, 1, 2 * hidden]))
        x = b.node("Reshape", [x, shape], f"lstm{k}.both", (steps, 2 * hidden))
    x = b.node("Transpose", [x], "steps", (steps, 2 * hidden), perm=(1, 0, 2))
    classes = 1 + len(ALPHABET)
    weight = b.weight("scores.weight", (2 * hidden, classes), 20.0, outputs=1)
    x = b.node("MatMul", [x, weight], "scores", (steps, classes))
    return b.node("Add", [x, b.small("scores.bias", classes)], "scores.sum", (steps, classes))
