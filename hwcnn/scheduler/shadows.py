"""Shadows of memories: for each unit of one, a number that tells who wrote or read it last."""

from collections.abc import Sequence

import numpy as np


def strided(
    shadow: np.ndarray, start: int, strides: Sequence[int], shape: Sequence[int]
) -> np.ndarray:
    """A view of a one-dimensional shadow: the items ``start + sum(index * stride)``.

    Raises ValueError where they lie outside of it.
    """
    if start + sum(s * (n - 1) for s, n in zip(strides, shape, strict=True)) >= len(shadow):
        raise ValueError("outside of the memory")
    steps = [s * shadow.itemsize for s in strides]
    return np.lib.stride_tricks.as_strided(shadow[start:], shape, steps)


class DramShadow:
    """A shadow of DRAM in units of `unit` bytes.

    written : by counter, the count of the last operation that wrote, 0: none. was_read : whether
    anything has read.
    """

    def __init__(self, n_bytes: int, unit: int):
        units = -(-n_bytes // unit)
        self.unit = unit
        self.written = {c: np.zeros(units, np.int32) for c in ("pstore", "vstore")}
        self.was_read = np.zeros(units, bool)

    def view(
        self, shadow: np.ndarray, addr: int, strides: Sequence[int], shape: Sequence[int], size: int
    ) -> np.ndarray:
        """A view of one of the arrays: the vectors of `size` bytes at byte addresses ``addr +
        sum(index * stride)``.

        Raises ValueError where an address is not a multiple of the unit or lies outside.
        """
        strides = [s if n > 1 else 0 for s, n in zip(strides, shape, strict=True)]
        if addr % self.unit or any(s % self.unit for s in strides):
            raise ValueError(f"address {addr} is not a multiple of {self.unit}")
        steps = [*(s // self.unit for s in strides), 1]
        try:
            return strided(shadow, addr // self.unit, steps, (*shape, size // self.unit))
        except ValueError as e:
            raise ValueError(f"address {addr} or what follows it is {e}") from e
