"""The weight image: the bytes of weights, parameters and tables, and the words of parameters."""

from collections.abc import Sequence

import numpy as np

from hwcnn import ir, isa
from hwcnn.layout import Placement

from .place import align

#: Every item of the image starts at a multiple of so many bytes: the widest bus.
ITEM_ALIGN = 64


class Image:
    """Bytes that the compiler puts into DRAM, from address `base` up."""

    def __init__(self, base: int):
        self.base = base
        self._items: list[np.ndarray] = []
        self._size = 0

    def add(self, data: np.ndarray) -> int:
        """Append an array, whose bytes are taken as they are; returns its address."""
        data = np.ascontiguousarray(data).view(np.uint8).reshape(-1)
        at = self._size
        pad = -len(data) % ITEM_ALIGN
        self._items += [data, np.zeros(pad, np.uint8)]
        self._size += len(data) + pad
        return self.base + at

    @property
    def end(self) -> int:
        """The next aligned address behind all."""
        return align(self.base + self._size)

    def bytes(self) -> np.ndarray:
        """All of it, uint8."""
        return np.concatenate([np.zeros(0, np.uint8), *self._items])


def post_params(op: ir.Conv, order: Sequence[int], cols: int) -> np.ndarray:
    """uint64 [output blocks, cols] in the given order of blocks; padded lanes are 0, so they give
    the zero point.
    """
    n = (max(order) + 1) * cols
    words = parameter_words(op.bias, op.mantissa, op.shift)
    padded = np.zeros(max(n, len(words)), np.uint64)
    padded[: len(words)] = words
    return padded[:n].reshape(-1, cols)[list(order)]


def vector_params(op: ir.Affine | ir.Depthwise, x: Placement, slot_bytes: int) -> np.ndarray:
    """uint64 [blocks, slot_bytes / 8] of an operation's c, mantissa and shift a channel, on the
    lanes of its operand; 0 behind them.
    """
    lanes = np.zeros(x.blocks * x.lanes, np.uint64)
    lanes[x.positions()] = isa.VECTOR_CHANNEL.pack_arrays(
        {"bias": op.c, "mantissa": op.mantissa, "shift": op.shift}
    )
    behind = slot_bytes // isa.CHANNEL_BYTES - x.lanes
    return np.pad(lanes.reshape(-1, x.lanes), ((0, 0), (0, behind)))


def parameter_words(bias: np.ndarray, mantissa: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """uint64 words of `isa.CHANNEL`, of integers of one shape."""
    return isa.CHANNEL.pack_arrays({"bias": bias, "mantissa": mantissa, "shift": shift})
