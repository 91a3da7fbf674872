"""Numbers in bit fields, against words written by hand."""

import numpy as np
import pytest

from hwcnn.bitfields import BitFields, Field

WORD = BitFields("word", (Field("a", 4), Field("b", 3, signed=True), Field("c", 8)))


@pytest.mark.parametrize(
    "values,word",
    [
        (dict(a=15, b=0, c=0), 0b00000000_000_1111),
        (dict(a=0, b=-4, c=0), 0b00000000_100_0000),
        (dict(a=9, b=3, c=0x81), 0b10000001_011_1001),
        (dict(a=1, b=-1, c=255), 0b11111111_111_0001),
    ],
)
def test_words(values, word):
    assert WORD.pack(values) == word
    assert WORD.unpack(word | 1 << 15) == values
    packed = WORD.pack_arrays({name: np.array([value, 0]) for name, value in values.items()})
    assert packed.dtype == np.uint64
    assert packed.tolist() == [word, 0]
    unpacked = WORD.unpack_arrays(packed)
    assert {name: v.tolist() for name, v in unpacked.items()} == {
        name: [value, 0] for name, value in values.items()
    }


@pytest.mark.parametrize(
    "values,message",
    [
        (dict(a=16, b=0, c=0), r"word: a = 16 is out of range [0, 15]"),
        (dict(a=0, b=4, c=0), r"word: b = 4 is out of range [-4, 3]"),
        (dict(a=0, b=-5, c=0), r"word: b = -5 is out of range [-4, 3]"),
        (dict(a=0, b=0), r"word: missing or unknown fields ['c']"),
        (dict(a=0, b=0, c=0, d=0), r"word: missing or unknown fields ['d']"),
    ],
)
def test_refused_values(values, message):
    with pytest.raises(ValueError) as error:
        WORD.pack(values)
    assert str(error.value) == message


def test_refused_arrays():
    with pytest.raises(ValueError, match="b is out of range"):
        WORD.pack_arrays({"a": 0, "b": [0, 4], "c": 0})


def test_64_bits():
    word = BitFields("wide", (Field("low", 40), Field("high", 24, signed=True)))
    values = {"low": (1 << 40) - 1, "high": -(1 << 23)}
    assert word.pack(values) == 0x800000_FFFFFFFFFF
    assert word.unpack_arrays(word.pack_arrays(values))["high"] == -(1 << 23)
