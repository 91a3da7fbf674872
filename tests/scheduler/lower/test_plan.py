"""The pure parts of the scheduler: splitting, spans, resources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwcnn.config import AccelConfig
from hwcnn.scheduler.allocators import ActivationRing, SlotRing
from hwcnn.scheduler.lower.conv_geometry import Piece, View, span
from hwcnn.scheduler.lower.conv_plan import ConvPlan, row_tiles, sizes, split

SIZES = st.integers(1, 300)


@given(SIZES, SIZES)
def test_split_is_balanced(total, size):
    parts = split(total, size)
    lengths = [b - a for a, b in parts]
    assert (
        parts[0][0] == 0
        and parts[-1][1] == total
        and all(a[1] == b[0] for a, b in zip(parts, parts[1:]))
    )
    assert (
        max(lengths) <= size
        and max(lengths) - min(lengths) <= 1
        and len(parts) == -(-total // size)
    )
    assert lengths == sorted(lengths, reverse=True)


def test_split_55_rows():
    assert [b - a for a, b in split(55, 9)] == [8, 8, 8, 8, 8, 8, 7]


@given(SIZES, SIZES)
def test_sizes_fit(total, most):
    assert all(
        size <= most and max(b - a for a, b in split(total, size)) == size
        for size in sizes(total, most)
    )


@given(st.integers(-50, 350), SIZES, SIZES)
def test_span(first, count, limit):
    """The span covers the wanted items, and at least one real one."""
    s, skip = span(first, count, limit)
    assert 0 <= s.low < s.high <= limit
    start = s.low - s.before
    assert start + skip == first and start + s.size >= first + count
    assert s.size <= max(count, limit + abs(first) + count)


@given(st.integers(1, 120), st.integers(1, 120), st.integers(1, 200), st.floats(0, 10_000))
def test_row_tiles_cover(out_rows, rows, cols, tail):
    view = View(1, out_rows, cols, 1, out_rows, cols, (1, 1), (1, 1), (0, 0), (1, 1), (0, 0), 1)
    tiles = row_tiles(view, ConvPlan(rows, cols, 1, 1, True), tail, AccelConfig())
    assert (
        tiles[0][0] == 0
        and tiles[-1][1] == out_rows
        and all(a[1] == b[0] for a, b in zip(tiles, tiles[1:]))
    )
    assert all(0 < b - a <= rows for a, b in tiles)


def test_row_tiles_taper():
    view = View(1, 27, 27, 1, 27, 27, (1, 1), (1, 1), (0, 0), (1, 1), (0, 0), 1)
    lengths = [b - a for a, b in row_tiles(view, ConvPlan(14, 27, 1, 1, True), 1000, AccelConfig())]
    assert lengths == [14, 7, 3, 3] or lengths[-1] <= 4


@given(
    st.integers(1, 20),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 4),
    st.integers(0, 20),
    st.integers(1, 20),
)
def test_parts_of_pieces(n, block, count, step, low, width):
    piece = Piece(3, n, block, count, step)
    part = piece.part(low, low + width)
    wanted = [i for i in range(3, 3 + n) if low <= i < low + width]
    assert (part is None) == (not wanted)
    if part:
        assert [part.first + i for i in range(part.n)] == wanted
        assert all(part.block + i * step == block + (ob - 3) * step for i, ob in enumerate(wanted))


class Reader:
    """Stands for an ARRAY operation."""


def test_ring_names_every_reader_that_is_overwritten():
    ring = ActivationRing(10)
    readers = []
    for start, size in ((ring.place(4), 4), (ring.place(3), 3), (ring.place(3), 3)):
        region, waits = ring.claim(start, size)
        assert not waits
        region.reader = Reader()
        readers.append(region.reader)
    region, waits = ring.claim(ring.place(6), 6)
    assert waits == readers[:2]
    region.reader = Reader()
    assert ring.claim(ring.place(4), 4)[1] == [readers[1], readers[2]] or ring.claim(6, 4)[1]


def test_ring_refuses_unread_data():
    ring = ActivationRing(8)
    ring.claim(ring.place(8), 8)
    with pytest.raises(ValueError, match="before anything has read it"):
        ring.claim(ring.place(1), 1)


def test_slots_wrap_around():
    slots = SlotRing(4)
    first, users = slots.take(3)
    op, other = Reader(), Reader()
    slots.use(first, 3, op)
    assert (first, users) == (0, [])
    second, users = slots.take(2)
    assert (second, users) == (3, [op])
    slots.use(second, 2, other)
    assert slots.take(1) == (1, [op])
