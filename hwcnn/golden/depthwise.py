"""Depthwise convolution on the vector engine, with its requantisation."""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import requantise

from .conv import conv_sums


def depthwise(op: ir.Depthwise, x: np.ndarray) -> np.ndarray:
    """An `ir.Depthwise` on int8 [N, C, H, W]: int8 [N, C, Ho, Wo]."""
    sums = conv_sums(x, op.weight, op.stride, op.pads, op.dilation, len(op.weight), op.pad_value)
    mantissa, c, shift = (v.reshape(1, -1, 1, 1) for v in (op.mantissa, op.c, op.shift))
    return requantise(sums * mantissa + c, 1, shift, op.zero, op.low, op.high)
