"""Groups of output blocks that read input blocks in a regular way."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from random_networks import Builder

from hwcnn import isa
from hwcnn.layout import Placement
from hwcnn.scheduler.lower.block_groups import (
    BlockGroup,
    all_blocks,
    by_producer,
    half_places,
    with_tap_pairs,
)

#: n, block, count, step of a group from output block 3 on.
GROUPS = st.builds(
    lambda n, block, count, step: BlockGroup(3, n, block, count, step),
    st.integers(1, 20),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 4),
)


def reads(group: BlockGroup) -> dict[int, list[int]]:
    """The input blocks of each output block."""
    return {
        group.first + i: [group.block + i * group.step + k for k in range(group.count)]
        for i in range(group.n)
    }


@given(GROUPS, st.integers(0, 20), st.integers(1, 20))
def test_within(group, first, width):
    inside = group.within(first, first + width)
    wanted = {ob: r for ob, r in reads(group).items() if first <= ob < first + width}
    assert (reads(inside) if inside else {}) == wanted


@given(GROUPS, st.integers(1, 12))
def test_fitted(group, limit):
    """The same reads; those that step read at most `limit` blocks."""
    fitted = group.fitted(limit)
    assert [item for g in fitted for item in reads(g).items()] == list(reads(group).items())
    assert all(g.step == 0 or g.blocks[1] - g.blocks[0] <= limit for g in fitted)


@given(GROUPS)
def test_blocks(group):
    read = [block for blocks in reads(group).values() for block in blocks]
    assert group.blocks == (min(read), max(read) + 1)


def paired(channels, kernel, groups=1, runs=None):
    """The groups of a convolution to 64 channels, with tap pairs, on 32 lanes and 32 columns."""
    b = Builder(1, (1, channels, 9, 9))
    b.conv("x", 64, kernel, groups=groups)
    (op,) = b.graph.ops
    x = Placement(0, (1, channels, 9, 9), 32, 0, runs or ((0, channels),))
    return with_tap_pairs(all_blocks(op, x, 2, 32), op, x, 32)


def test_halves_of_a_last_block():
    whole = BlockGroup(0, 2, 0, 1, 0)
    half = replace(whole, half=isa.HALF_LOWER)
    after = replace(half, block=1, adds=True)
    assert paired(16, 3) == (half,)
    assert paired(17, 3) == (whole,)
    assert paired(48, 3) == (whole, after)
    assert paired(80, 5) == (replace(whole, count=2), replace(after, block=2))
    assert paired(16, 1) == (whole,)


def test_halves_between_holes():
    """Operands of a concatenation begin at blocks of their own."""
    runs = ((0, 8), (32, 32), (64, 16))
    a, b, c = paired(56, 3, runs=runs)
    assert (a.block, a.half, a.adds) == (0, isa.HALF_LOWER, False)
    assert (b.block, b.half, b.adds) == (1, isa.HALF_NONE, True)
    assert (c.block, c.half, c.adds) == (2, isa.HALF_LOWER, True)


def test_halves_of_a_block_that_two_groups_share():
    """48 channels each: a block and the lower half of the next, its upper half and a block."""
    groups = paired(96, 5, groups=2)
    assert groups == (
        BlockGroup(0, 1, 0, 1, 0),
        BlockGroup(0, 1, 1, 1, 0, adds=True, half=isa.HALF_LOWER),
        BlockGroup(1, 1, 1, 1, 0, half=isa.HALF_UPPER),
        BlockGroup(1, 1, 2, 1, 0, adds=True),
    )
    places = half_places(groups, 3)
    assert places == {(1, isa.HALF_LOWER): 1, (1, isa.HALF_UPPER): 3}


def test_a_half_lies_behind_where_its_block_is_needed_whole():
    groups = [BlockGroup(0, 1, 0, 2, 0), BlockGroup(1, 1, 1, 1, 0, half=isa.HALF_UPPER)]
    assert half_places(groups, 2) == {(1, isa.HALF_UPPER): 2}


def test_what_is_written_last_is_read_last():
    """Blocks 0 and 1 of layer 7, block 2 of layer 3, block 3 of layer 5."""
    whole = BlockGroup(0, 2, 0, 4, 0)
    assert by_producer((whole,), [7, 7, 3, 5]) == (
        BlockGroup(0, 2, 2, 1, 0),
        BlockGroup(0, 2, 3, 1, 0, adds=True),
        BlockGroup(0, 2, 0, 2, 0, adds=True),
    )
    assert by_producer((whole,), [3, 3, 5, 7]) == (whole,)


def test_each_range_of_output_blocks_has_an_order_of_its_own():
    first = BlockGroup(0, 1, 0, 1, 0), BlockGroup(0, 1, 2, 1, 0, adds=True)
    second = BlockGroup(1, 1, 1, 2, 0)
    assert by_producer((*first, second), [4, 2, 1]) == (
        BlockGroup(0, 1, 2, 1, 0),
        BlockGroup(0, 1, 0, 1, 0, adds=True),
        BlockGroup(1, 1, 2, 1, 0),
        BlockGroup(1, 1, 1, 1, 0, adds=True),
    )
