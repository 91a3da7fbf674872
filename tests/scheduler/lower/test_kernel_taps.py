"""The taps of a kernel in pairs."""

from hypothesis import given
from hypothesis import strategies as st

from hwcnn.scheduler.lower.kernel_taps import TapGrid, single_taps, tap_pairs

SIDES = st.integers(1, 12)


def taps(grid: TapGrid) -> list[list[tuple[int, int]]]:
    """The taps of each pass."""
    found: list[list[tuple[int, int]]] = []
    for row in range(grid.count[0]):
        for col in range(grid.count[1]):
            at = grid.first[0] + row * grid.step[0], grid.first[1] + col * grid.step[1]
            other = [] if grid.other is None else [(at[0] + grid.other[0], at[1] + grid.other[1])]
            found.append([at, *other])
    return found


@given(SIDES, SIDES)
def test_every_tap_has_a_place(rows, cols):
    kernel = [(row, col) for row in range(rows) for col in range(cols)]
    for grids in (single_taps((rows, cols)), tap_pairs((rows, cols))):
        passes = [tap for grid in grids for tap in taps(grid)]
        assert sorted(tap for pair in passes for tap in pair) == kernel
        assert sum(grid.passes for grid in grids) == len(passes)


@given(SIDES, SIDES)
def test_pairs_take_half_of_the_passes(rows, cols):
    grids = tap_pairs((rows, cols))
    assert sum(grid.passes for grid in grids) == (rows * cols + 1) // 2
    assert grids[0].first == (0, 0)
