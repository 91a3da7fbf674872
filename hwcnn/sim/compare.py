"""Compares the tensors in a DRAM image with golden's, bit by bit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hwcnn.layout import Placement


@dataclass(frozen=True)
class Difference:
    """How a tensor differs. at : (n, c, h, w) of the first difference, with both values there."""

    tensor: str
    elements: int
    mismatches: int
    max_abs_error: int = 0
    at: tuple[int, int, int, int] | None = None
    got: int = 0
    expected: int = 0

    def __str__(self) -> str:
        return (
            f"tensor {self.tensor!r}: {self.mismatches} of {self.elements} differ, "
            f"by at most {self.max_abs_error}; "
            f"the first at (n, c, h, w) = {self.at}: {self.got}, expected {self.expected}"
        )


def difference(name: str, got: np.ndarray, expected: np.ndarray) -> Difference:
    """The Difference of two int8 arrays [N, C, H, W]. Raises ValueError where shapes differ."""
    if got.shape != expected.shape:
        raise ValueError(f"{name}: {got.shape} in DRAM, {expected.shape} expected")
    wrong = got != expected
    count = int(np.count_nonzero(wrong))
    if not count:
        return Difference(name, got.size, 0)
    n, c, h, w = (int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
    at, error = (n, c, h, w), int(np.abs(got.astype(np.int16) - expected).max())
    return Difference(name, got.size, count, error, at, int(got[at]), int(expected[at]))


def compare(
    dram: np.ndarray, placements: Mapping[str, Placement], golden: Mapping[str, np.ndarray]
) -> dict[str, Difference]:
    """Differences by name of the tensors that have a placement and that golden has.

    dram : uint8 image. golden : int8 [N, C, H, W] by name.
    """
    return {
        name: difference(name, place.unpack(dram), golden[name])
        for name, place in placements.items()
        if name in golden
    }


def writing_instruction(
    instructions: Iterable[tuple[str, Mapping[str, int]]],
    place: Placement,
    at: tuple[int, int, int, int],
    post_lanes: int,
) -> tuple[int, str] | None:
    """The instruction that wrote an element last: (number in its queue, name), or None.

    Parameters
    ----------
    instructions : (name, fields by name), in program order.
    place : of the tensor.
    at : (n, c, h, w) of the element.
    post_lanes : AccelConfig's.
    """
    n, c, h, w = at
    position = int(place.positions()[c])
    address = place.address(n, position // place.lanes, h, w) + position % place.lanes
    counts = {"post": 0, "vector": 0}
    found = None
    for name, v in instructions:
        if name in counts:
            if _writes(v, address, post_lanes if name == "post" else place.lanes):
                found = counts[name], name
            counts[name] += 1
    return found


def _writes(v: Mapping[str, int], address: int, lanes: int) -> bool:
    """Whether a POST or VECTOR with these fields writes the byte at `address`."""
    rest = address - v["out_addr"]
    if rest < 0:
        return False
    block = rest // v["out_blk_stride"] if v["n_blk"] > 1 and v["out_blk_stride"] else 0
    rest -= block * v["out_blk_stride"]
    row = rest // v["out_row_stride"] if v["out_rows"] > 1 and v["out_row_stride"] else 0
    rest -= row * v["out_row_stride"]
    col, byte = (
        divmod(rest, v["out_pix_stride"])
        if v["out_cols"] > 1 and v["out_pix_stride"]
        else (0, rest)
    )
    return block < v["n_blk"] and row < v["out_rows"] and col < v["out_cols"] and byte < lanes
