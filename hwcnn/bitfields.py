"""Numbers in the bit fields of a word: packed and unpacked from one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Field:
    """A number of `bits` bits, in two's complement where it is `signed`."""

    name: str
    bits: int
    signed: bool = False
    doc: str = ""

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest value."""
        if self.signed:
            return -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        return 0, (1 << self.bits) - 1


@dataclass(frozen=True)
class BitFields:
    """Fields that follow each other in a word without gaps, the first from bit 0 on.

    Attributes
    ----------
    name : of the word, for messages.
    fields : in order, lowest bits first.
    """

    name: str
    fields: tuple[Field, ...]

    @cached_property
    def bits(self) -> int:
        """Bits of all fields together."""
        return sum(f.bits for f in self.fields)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(f.name for f in self.fields)

    @cached_property
    def _places(self) -> tuple[tuple[str, int, int, int, int], ...]:
        """(name, first bit, mask of its bits, lowest value, highest value) of each field."""
        places: list[tuple[str, int, int, int, int]] = []
        at = 0
        for f in self.fields:
            places.append((f.name, at, (1 << f.bits) - 1, *f.limits))
            at += f.bits
        return tuple(places)

    def pack(self, values: Mapping[str, int]) -> int:
        """The word that holds `values`, one for each field by its name.

        Raises ValueError for a missing, unknown or out-of-range one.
        """
        if different := values.keys() ^ self._names:
            raise ValueError(f"{self.name}: missing or unknown fields {sorted(different)}")
        word = 0
        for name, at, mask, low, high in self._places:
            value = int(values[name])
            if not low <= value <= high:
                raise ValueError(f"{self.name}: {name} = {value} is out of range [{low}, {high}]")
            word |= (value & mask) << at
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """The values of the fields by name; bits above them are ignored."""
        values: dict[str, int] = {}
        for name, at, mask, _, high in self._places:
            value = word >> at & mask
            values[name] = value if value <= high else value - mask - 1
        return values

    def pack_arrays(self, values: Mapping[str, ArrayLike]) -> NDArray[np.uint64]:
        """As `pack`, of arrays of integers of one shape (or that broadcast): uint64 words."""
        word, at = np.zeros((), np.uint64), 0
        for f in self.fields:
            value, (low, high) = np.asarray(values[f.name]).astype(np.int64), f.limits
            if bool(np.any((value < low) | (value > high))):
                raise ValueError(f"{self.name}: {f.name} is out of range [{low}, {high}]")
            mask = np.uint64((1 << f.bits) - 1)
            word = word | (value.astype(np.uint64) & mask) << np.uint64(at)
            at += f.bits
        return np.asarray(word, np.uint64)

    def unpack_arrays(self, words: NDArray[np.uint64]) -> dict[str, NDArray[np.int64]]:
        """As `unpack`, of uint64 words: int64 arrays of their shape."""
        values: dict[str, NDArray[np.int64]] = {}
        at = 0
        for f in self.fields:
            mask = np.uint64((1 << f.bits) - 1)
            value = (words >> np.uint64(at) & mask).astype(np.int64)
            values[f.name] = value - ((value >> f.bits - 1) << f.bits if f.signed else 0)
            at += f.bits
        return values
