"""The taps of a kernel as the loops of ARRAY: one a pass, or two.

A block of input channels that fills only one half of the lanes is loaded with this half in both.
The two halves of the array's rows then read different pixels, each for a tap of its own.
"""

from dataclasses import dataclass

#: (rows, columns) of a kernel.
Taps = tuple[int, int]


@dataclass(frozen=True)
class TapGrid:
    """Taps in rows and columns, a pass each.

    first : (row, column) of the kernel. count : rows and columns of the grid. step : from a row and
    a column of it to the next. other : from a pass's tap to the tap of the upper half of the lanes;
    None where these have none of their own.
    """

    first: Taps
    count: Taps
    step: Taps = (1, 1)
    other: Taps | None = None

    @property
    def passes(self) -> int:
        """Passes for each pair of an input and an output block."""
        return self.count[0] * self.count[1]


def single_taps(kernel: Taps) -> tuple[TapGrid, ...]:
    """All taps, one a pass."""
    return (TapGrid((0, 0), kernel),)


def tap_pairs(kernel: Taps) -> tuple[TapGrid, ...]:
    """All taps, two a pass: neighbours in a row, then those of an odd last column, at last a tap
    that is left over.
    """
    rows, cols = kernel
    grids = [
        TapGrid((0, 0), (rows, cols // 2), (1, 2), other=(0, 1)),
        TapGrid((0, cols - 1), (rows // 2, cols % 2), (2, 1), other=(1, 0)),
        TapGrid((rows - 1, cols - 1), (rows % 2, cols % 2)),
    ]
    return tuple(grid for grid in grids if grid.passes)
