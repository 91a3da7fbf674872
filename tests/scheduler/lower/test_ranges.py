"""Ranges of an axis: cut evenly, and with pads."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hwcnn.scheduler.lower.ranges import span, split

SIZES = st.integers(1, 300)


@given(SIZES, SIZES)
def test_split_covers(total, size):
    ranges = split(total, size)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == total
    assert all(a[1] == b[0] for a, b in pairwise(ranges))


@given(SIZES, SIZES)
def test_split_is_balanced(total, size):
    lengths = [end - first for first, end in split(total, size)]
    assert len(lengths) == -(-total // size)
    assert max(lengths) <= size
    assert max(lengths) - min(lengths) <= 1
    assert lengths == sorted(lengths, reverse=True)


def test_split_55_rows():
    assert [end - first for first, end in split(55, 9)] == [8, 8, 8, 8, 8, 8, 7]


@given(st.integers(-50, 350), SIZES, SIZES)
def test_span(first, count, limit):
    """The span covers the wanted items, and at least one of the axis's own."""
    found, skip = span(first, count, limit)
    assert 0 <= found.first < found.end <= limit
    start = found.first - found.before
    assert start + skip == first
    assert start + found.size >= first + count
    assert found.size <= max(count, limit + abs(first) + count)
