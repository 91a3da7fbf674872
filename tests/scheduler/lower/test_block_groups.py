"""Groups of output blocks that read input blocks in a regular way."""

from hypothesis import given
from hypothesis import strategies as st

from hwcnn.scheduler.lower.block_groups import BlockGroup

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
