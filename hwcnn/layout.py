"""Where a tensor lives in DRAM, and the byte order of its values."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: (position, channels) of consecutive channels: see `Placement.runs`.
Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Placement:
    """One int8 tensor in DRAM: ``[image][block][row][column][lane]`` bytes.

    addr : byte address of image 0, block 0. shape : (N, C, H, W). lanes : L, bytes of a vector.
    image_stride : bytes from an image to the next (more than the tensor's own size inside a
    concatenation).
    runs : (position, channels) of each run of consecutive channels, where position = block * lanes
    + lane; what is between runs are holes. fill : what `pack` writes into holes (the tensor's zero
    point).
    """

    addr: int
    shape: tuple[int, int, int, int]
    lanes: int
    image_stride: int
    runs: Runs
    fill: int = 0

    @property
    def blocks(self) -> int:
        return blocks_of(self.runs, self.lanes)

    @property
    def plane(self) -> int:
        """Bytes of one block: H * W vectors."""
        return self.shape[2] * self.shape[3] * self.lanes

    @property
    def row_bytes(self) -> int:
        """Bytes from a row to the next."""
        return self.shape[3] * self.lanes

    @property
    def pixel_bytes(self) -> int:
        """Bytes from a pixel to the next."""
        return self.lanes

    def tensor_rows(self, first: int, end: int) -> tuple[int, int, int]:
        """Rows [first, end) as (start, stop, step) of the tensor that owns the memory."""
        return first, end, 1

    @property
    def size(self) -> int:
        """Bytes from the first to the last image's end."""
        return (self.shape[0] - 1) * self.image_stride + self.blocks * self.plane

    def positions(self) -> NDArray[np.int64]:
        """int64 [C]: block * lanes + lane of each channel."""
        return np.concatenate([np.arange(at, at + n) for at, n in self.runs])

    def address(self, image: int = 0, block: int = 0, row: int = 0, col: int = 0) -> int:
        """Byte address of a vector."""
        return (
            self.addr
            + image * self.image_stride
            + block * self.plane
            + (row * self.shape[3] + col) * self.lanes
        )

    def _vectors(self, memory: NDArray[np.uint8], at: int) -> NDArray[np.uint8]:
        """The tensor's bytes in `memory` from `at` on, as [image][block][row][column][lane]."""
        n, _, h, w = self.shape
        return np.lib.stride_tricks.as_strided(
            memory[at : at + self.size],
            (n, self.blocks, h, w, self.lanes),
            (self.image_stride, self.plane, w * self.lanes, self.lanes, 1),
        )

    def pack(self, values: ArrayLike) -> NDArray[np.uint8]:
        """uint8 [size], to be written at `addr`, of int8 values [N, C, H, W]."""
        array = np.asarray(values, np.int8)
        if array.shape != self.shape:
            raise ValueError(f"expected values of shape {self.shape}, not {array.shape}")
        out = np.zeros(self.size, np.uint8)
        lanes = np.full(
            (self.shape[0], self.blocks * self.lanes, *self.shape[2:]), self.fill, np.int8
        )
        lanes[:, self.positions()] = array
        split = lanes.reshape(self.shape[0], self.blocks, self.lanes, *self.shape[2:])
        self._vectors(out, 0)[...] = split.transpose(0, 1, 3, 4, 2).view(np.uint8)
        return out

    def unpack(self, dram: NDArray[np.uint8]) -> NDArray[np.int8]:
        """int8 [N, C, H, W] of the DRAM image (uint8)."""
        split = np.ascontiguousarray(self._vectors(dram, self.addr).transpose(0, 1, 4, 2, 3)).view(
            np.int8
        )
        n, blocks, lanes, h, w = split.shape
        return split.reshape(n, blocks * lanes, h, w)[:, self.positions()]


def blocks_of(runs: Runs, lanes: int) -> int:
    """Blocks that channel runs span."""
    at, n = runs[-1]
    return -(-(at + n) // lanes)


def dense(channels: int) -> Runs:
    """Runs of a tensor without holes."""
    return ((0, channels),)


def join(operands: Iterable[Runs], lanes: int) -> Runs:
    """Runs of a concatenation, each operand at a block boundary; adjacent runs are merged."""
    runs: list[tuple[int, int]] = []
    base = 0
    for operand in operands:
        for at, n in operand:
            if runs and runs[-1][0] + runs[-1][1] == base + at:
                runs[-1] = (runs[-1][0], runs[-1][1] + n)
            else:
                runs.append((base + at, n))
        base += blocks_of(operand, lanes) * lanes
    return tuple(runs)
