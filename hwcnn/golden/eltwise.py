"""Element-wise operations on two maps, the second possibly one value a channel."""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import requantise


def eltwise(op: ir.Eltwise, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """An `ir.Eltwise` on int8 a [N, C, H, W] and b (the same, or [N, C, 1, 1]): int8, as a."""
    a = a.astype(np.int64) + op.ca
    b = b.astype(np.int64) + op.cb
    if op.kind == "add":
        total = a * op.ma + b * op.mb
    elif op.kind == "mul":
        total = a * b * op.mb
    elif op.kind == "max":
        total = np.maximum(a * op.ma, b * op.mb)
    elif op.kind == "min":
        total = np.minimum(a * op.ma, b * op.mb)
    else:
        raise ValueError(f"{op.name}: expected add, mul, max or min, not {op.kind!r}")
    return requantise(total + op.c, 1, op.shift, op.zero, op.low, op.high)
