"""A convolution as the array sees it: rows of pixels, taps as address steps, whatever the ONNX
attributes were.
"""

from dataclasses import dataclass

from hwcnn import ir
from hwcnn.layout import Placement


@dataclass(frozen=True)
class ConvGeometry:
    """Rows, columns and steps of a convolution.

    images : images that are worked on one after another. in_rows, in_cols : the map that LOAD sees;
    row_bytes : bytes from one of its rows to the next. out_rows, out_cols : results an image.
    stride, reach : pixel stride and reach of the kernel ((k-1)*dilation + 1) in loaded rows and
    columns. pads : top, left. taps : (kh, kw). ky_step : (rows, columns) that a step of ky moves in
    the loaded tile; a step of kx moves ``kx_cols`` columns. row_of : real input rows to a loaded
    row.
    by_image : True where the rows are the images of the batch (fully connected: the images are the
    pixels).
    """

    images: int
    in_rows: int
    in_cols: int
    row_bytes: int
    out_rows: int
    out_cols: int
    stride: tuple[int, int]
    reach: tuple[int, int]
    pads: tuple[int, int]
    taps: tuple[int, int]
    ky_step: tuple[int, int]
    kx_cols: int
    row_of: int = 1
    by_image: bool = False

    def extent(self, rows: int, cols: int) -> tuple[int, int]:
        """Loaded rows and columns of a tile of rows x cols results."""
        return (
            (rows - 1) * self.stride[0] + self.reach[0],
            (cols - 1) * self.stride[1] + self.reach[1],
        )


def geometry_of(op: ir.Conv, x: Placement, y: Placement) -> ConvGeometry:
    """The geometry of a convolution with the placements of its input and its output."""
    n, _, h, w = x.shape
    _, _, out_rows, out_cols = y.shape
    kh, kw = op.weight.shape[2:]
    (sh, sw), (dh, dw), (top, left, bottom, _) = op.stride, op.dilation, op.pads
    if _images_are_rows(op, x, y):
        return ConvGeometry(
            images=1,
            in_rows=n,
            in_cols=h * w,
            row_bytes=x.image_stride,
            out_rows=n,
            out_cols=1,
            stride=(1, 1),
            reach=(1, h * w),
            pads=(0, 0),
            taps=(kh, kw),
            ky_step=(0, w),
            kx_cols=1,
            by_image=True,
        )
    if kh == 1 and sh > 1 and top == bottom == 0:  # rows between those of the results: not loaded
        return ConvGeometry(
            images=n,
            in_rows=out_rows,
            in_cols=w,
            row_bytes=sh * w * x.lanes,
            out_rows=out_rows,
            out_cols=out_cols,
            stride=(1, sw),
            reach=(1, (kw - 1) * dw + 1),
            pads=(0, left),
            taps=(1, kw),
            ky_step=(0, 0),
            kx_cols=dw,
            row_of=sh,
        )
    return ConvGeometry(
        images=n,
        in_rows=h,
        in_cols=w,
        row_bytes=w * x.lanes,
        out_rows=out_rows,
        out_cols=out_cols,
        stride=(sh, sw),
        reach=((kh - 1) * dh + 1, (kw - 1) * dw + 1),
        pads=(top, left),
        taps=(kh, kw),
        ky_step=(dh, 0),
        kx_cols=dw,
    )


def _images_are_rows(op: ir.Conv, x: Placement, y: Placement) -> bool:
    """Several images, of each of which the kernel sees all at once, with strides that fit."""
    whole = op.weight.shape[2:] == x.shape[2:] and y.shape[2:] == (1, 1) and not any(op.pads)
    residual = op.second is not None and op.second.residual is not None
    return (
        x.shape[0] > 1
        and whole
        and op.groups == 1
        and not residual
        and max(x.image_stride, y.image_stride) < 1 << 24
        and op.dilation == (1, 1)
    )
