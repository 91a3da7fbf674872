"""The tiles of a convolution's results, and what of the input each needs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .conv_geometry import ConvGeometry
from .ranges import Range, Span, span, split


@dataclass(frozen=True)
class OutputTile:
    """Results rows x cols of one image.

    in_rows, in_cols : spans of input that are loaded for it. base : vectors from the start of a
    loaded block to the first pixel's first tap.
    """

    image: int
    rows: Range
    cols: Range
    in_rows: Span
    in_cols: Span
    base: int

    @property
    def height(self) -> int:
        """Rows of results."""
        return self.rows[1] - self.rows[0]

    @property
    def width(self) -> int:
        """Columns of results."""
        return self.cols[1] - self.cols[0]

    @property
    def pixels(self) -> int:
        """Results of one output block."""
        return self.height * self.width

    @property
    def block(self) -> int:
        """Vectors of one input block."""
        return self.in_rows.size * self.in_cols.size


def output_tiles(geometry: ConvGeometry, rows: Iterable[Range], cols: int) -> Iterator[OutputTile]:
    """The tiles of all images: those `rows`, and at most `cols` columns each."""
    (sh, sw), (top, left) = geometry.stride, geometry.pads
    for image in range(geometry.images):
        for first, end in rows:
            for left_col, right_col in split(geometry.out_cols, cols):
                height, width = geometry.extent(end - first, right_col - left_col)
                in_rows, skip_rows = span(first * sh - top, height, geometry.in_rows)
                in_cols, skip_cols = span(left_col * sw - left, width, geometry.in_cols)
                yield OutputTile(
                    image,
                    (first, end),
                    (left_col, right_col),
                    in_rows,
                    in_cols,
                    skip_rows * in_cols.size + skip_cols,
                )
