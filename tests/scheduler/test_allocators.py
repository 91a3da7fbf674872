"""Buffer space and parameter slots: who has to be waited for."""

import pytest

from hwcnn import isa
from hwcnn.scheduler.allocators import ActivationRing, SlotRing
from hwcnn.tile_ops import TileOp


def array() -> TileOp:
    return TileOp(isa.ARRAY, 0, {})


def filled(ring: ActivationRing, *sizes: int) -> list[TileOp]:
    """Spans of these sizes, claimed and read; returns their readers."""
    readers = []
    for size in sizes:
        span, waits = ring.claim(ring.place(size), size)
        assert not waits
        span.reader = array()
        readers.append(span.reader)
    return readers


def test_ring_names_every_reader_that_is_overwritten():
    ring = ActivationRing(10)
    readers = filled(ring, 4, 3, 3)
    _, waits = ring.claim(ring.place(6), 6)
    assert waits == readers[:2]


def test_ring_keeps_what_is_not_overwritten():
    """The second span loses its first 2 vectors, and is waited for again by who takes the last."""
    ring = ActivationRing(10)
    readers = filled(ring, 4, 3, 3)
    span, _ = ring.claim(ring.place(6), 6)
    span.reader = array()
    assert ring.place(4) == 6
    _, waits = ring.claim(6, 4)
    assert waits == readers[1:]


def test_ring_refuses_unread_data():
    ring = ActivationRing(8)
    ring.claim(ring.place(8), 8)
    with pytest.raises(ValueError, match="before anything has read it"):
        ring.claim(ring.place(1), 1)


def test_ring_refuses_more_than_it_has():
    with pytest.raises(ValueError, match="9 vectors do not fit into 8"):
        ActivationRing(8).place(9)


def test_slots_wrap_around():
    slots = SlotRing(4)
    first, users = slots.take(3)
    op, other = array(), array()
    slots.use(first, 3, op)
    assert (first, users) == (0, [])
    second, users = slots.take(2)
    assert (second, users) == (3, [op])
    slots.use(second, 2, other)
    assert slots.take(1) == (1, [op])
