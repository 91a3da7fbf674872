"""Convolutions that only move elements."""

import numpy as np
import numpy.typing as npt

from hwcnn import ir
from hwcnn.fixedpoint import multiplier


def moving_conv(
    name: str,
    x: ir.Tensor,
    y: ir.Tensor,
    weight: npt.NDArray[np.int8],
    stride: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    groups: int = 1,
    pad_value: int | None = None,
) -> ir.Conv:
    """The convolution of x, of whose weights [Cout, Cin/groups, kh, kw] one in each sum is 1 and
    all others are 0: y's scale and zero point are x's.

    Each sum has one term, the element; its bias takes off the zero point, which requantisation adds
    again. pad_value : None pads with the zero point.
    """
    ones, (mantissa, shift) = np.ones(len(weight), np.int64), multiplier(1.0)
    return ir.Conv(
        name,
        x.name,
        y.name,
        weight,
        np.full(len(weight), -x.zero, np.int32),
        ones * mantissa,
        ones * shift,
        x.zero,
        stride=stride,
        pads=pads,
        groups=groups,
        pad_value=x.zero if pad_value is None else pad_value,
        moves=True,
    )
