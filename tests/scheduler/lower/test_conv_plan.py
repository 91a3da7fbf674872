"""Tiles of a convolution: they cover the results, and get small where the vector engine follows."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hwcnn.config import AccelConfig
from hwcnn.scheduler.lower.conv_geometry import ConvGeometry
from hwcnn.scheduler.lower.conv_plan import ConvPlan, row_tiles, sizes
from hwcnn.scheduler.lower.conv_tiles import output_tiles
from hwcnn.scheduler.lower.ranges import split

SIZES = st.integers(1, 300)


def pointwise(rows: int, cols: int, images: int = 1) -> ConvGeometry:
    """The geometry of a 1x1 convolution."""
    return ConvGeometry(
        images=images,
        in_rows=rows,
        in_cols=cols,
        row_bytes=1,
        out_rows=rows,
        out_cols=cols,
        stride=(1, 1),
        reach=(1, 1),
        pads=(0, 0),
        taps=(1, 1),
        ky_step=(0, 0),
        kx_cols=1,
    )


def plan(rows: int, cols: int) -> ConvPlan:
    return ConvPlan(rows, cols, out_blocks=1, load_blocks=1, resident=True, block=1)


@given(SIZES, SIZES)
def test_sizes_are_those_of_balanced_ranges(total, most):
    for size in sizes(total, most):
        assert size <= most
        assert max(end - first for first, end in split(total, size)) == size


@given(st.integers(1, 120), st.integers(1, 120), st.integers(1, 200), st.floats(0, 10_000))
def test_row_tiles_cover(out_rows, rows, cols, cycles_after_row):
    tiles = row_tiles(pointwise(out_rows, cols), plan(rows, cols), cycles_after_row, AccelConfig())
    assert tiles[0][0] == 0
    assert tiles[-1][1] == out_rows
    assert all(a[1] == b[0] for a, b in pairwise(tiles))
    assert all(0 < end - first <= rows for first, end in tiles)


def test_row_tiles_taper():
    """The last tile is halved while it has more than 2 * 16 pixels, here 2 rows of 27."""
    tiles = row_tiles(pointwise(27, 27), plan(14, 27), 1000, AccelConfig())
    assert [end - first for first, end in tiles] == [14, 7, 3, 3]


def test_row_tiles_do_not_taper_where_nothing_follows():
    tiles = row_tiles(pointwise(27, 27), plan(14, 27), 0, AccelConfig())
    assert [end - first for first, end in tiles] == [14, 13]


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 3))
def test_output_tiles_cover_every_result_once(rows, cols, width, images):
    tiles = list(output_tiles(pointwise(rows, cols, images), split(rows, 7), width))
    covered = [
        (tile.image, row, col)
        for tile in tiles
        for row in range(*tile.rows)
        for col in range(*tile.cols)
    ]
    assert sorted(covered) == [
        (i, r, c) for i in range(images) for r in range(rows) for c in range(cols)
    ]
    assert all(tile.width <= width for tile in tiles)
    assert all(tile.block == tile.pixels for tile in tiles)
