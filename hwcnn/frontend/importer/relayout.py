"""Views of maps made into maps: a rearrangement of elements as a convolution whose weights are ones
and zeros.

Its sums are the elements themselves, and it keeps scale and zero point, so it is exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN, multiplier
from hwcnn.resampling import MAX_CONVOLUTIONS, runs

from .builder import IrBuilder
from .moving_conv import moving_conv
from .registry import Unsupported
from .requant import scalar_ratio
from .values import Linear, MapShape, Padded, map_shape

Int64Array = npt.NDArray[np.int64]
#: (name, operand, result) to the operation that computes a view.
Emit = Callable[[str, ir.Tensor, ir.Tensor], ir.Op]

#: Weights of a rearrangement at most; it would cost as much as a convolution of that many.
MAX_WEIGHTS = 1 << 22
#: Rows or columns of padding that one convolution adds.
MAX_PAD = 255
#: How near to an integer a padding constant must be, in steps of int8.
_NEAR = 1e-3


def rearranged(builder: IrBuilder, node_name: str, value: Linear, what: str) -> Linear:
    """A `Linear` whose tensor is, element for element, what the view `value` shows.

    node_name : of the node that reads it; what : the value in messages. Raises Unsupported where no
    single operation computes it.
    """
    x, shape = builder.tensors[value.tensor], map_shape(value.shape)
    if shape is None:
        raise Unsupported(
            f"{what} has {len(value.shape)} dimensions: only maps of 1 to 4 can be computed with"
        )
    emit = _find(x.shape, shape, value.index)
    if emit is None:
        raise Unsupported(
            f"{what} has another layout than the map that it comes from (Transpose or Reshape): "
            "only a fully connected layer can read it; taken as channels, rows and columns, it "
            "must keep rows and columns in order"
        )
    y = builder.new_tensor(f"{x.name}/{node_name}", shape, x.scale, x.zero)
    builder.ops.append(emit(f"{node_name}/layout", x, y))
    return Linear(y.name, value.shape)


def padded(builder: IrBuilder, node_name: str, value: Padded) -> Linear:
    """A `Linear` whose tensor is the `Padded` map with its padding. Raises Unsupported where int8
    cannot hold the constant.
    """
    x, pads = builder.tensors[value.tensor], np.array(value.pads)
    constant = _constant(builder, x, value.value)
    while pads.any():
        some = np.minimum(pads, MAX_PAD)
        pads -= some
        top, left, bottom, right = (int(p) for p in some)
        n, c, h, w = x.shape
        shape = n, c, h + top + bottom, w + left + right
        y = builder.new_tensor(f"{x.name}/{node_name}", shape, x.scale, x.zero)
        name = f"{node_name}/pad{pads.sum() or ''}"
        conv = _depthwise(name, x, y, pads=(top, left, bottom, right), pad_value=constant)
        builder.ops.append(conv)
        x = y
    return Linear(x.name, value.shape)


def padded_channels(
    builder: IrBuilder, node_name: str, value: Linear, widths: tuple[int, int], constant: float
) -> Linear:
    """A `Linear` whose tensor has so many channels of the constant before and after those of the
    map. Raises Unsupported where int8 cannot hold the constant.
    """
    x, (before, after) = builder.tensors[value.tensor], widths
    n, c, h, w = x.shape
    y = builder.new_tensor(f"{x.name}/{node_name}", (n, before + c + after, h, w), x.scale, x.zero)
    weight = np.eye(y.shape[1], c, -before, np.int8)[:, :, None, None]
    conv = moving_conv(f"{node_name}/channels", x, y, weight)
    moved = weight.any(axis=(1, 2, 3))
    bias = np.where(moved, conv.bias, _constant(builder, x, constant) - x.zero).astype(np.int32)
    builder.ops.append(replace(conv, bias=bias))
    return Linear(y.name, (n, y.shape[1], *value.shape[2:]))


def _constant(builder: IrBuilder, x: ir.Tensor, value: float) -> int:
    """The padding constant as an integer of tensor x."""
    exact = value / x.scale + x.zero
    constant = int(np.rint(np.clip(exact, INT8_MIN, INT8_MAX)))
    if abs(constant - exact) > _NEAR and not builder.dry_run:
        raise Unsupported(f"it pads with {value:g}, which the int8 of its map cannot hold")
    return constant


def _find(x_shape: MapShape, shape: MapShape, index: Int64Array | None) -> Emit | None:
    """What computes a view, or None. index: flat positions, or None: in order."""
    size = int(np.prod(x_shape[1:]))
    index = np.arange(np.prod(shape)) if index is None else index
    index = np.ascontiguousarray(index.reshape(shape))  # numpy unravels no repeated axes rightly
    if (
        shape[0] != x_shape[0]
        or (index != index[:1] + np.arange(shape[0]).reshape(-1, 1, 1, 1) * size).any()
    ):
        return None
    channel, row, col = np.unravel_index(index[0], x_shape[1:])
    return (
        _resampled(x_shape, channel, row, col)
        or _gathered(x_shape, channel, row, col)
        or _scattered(x_shape, channel, row, col)
    )


def _resampled(
    x_shape: MapShape, channel: Int64Array, row: Int64Array, col: Int64Array
) -> Emit | None:
    """Channels as they are, rows and columns apart: crops, steps, repetitions, reflections."""
    rows, cols = row[0, :, 0], col[0, 0, :]
    same = (
        channel.shape[0] == x_shape[1]
        and (channel == np.arange(x_shape[1]).reshape(-1, 1, 1)).all()
    )
    if not same or (row != rows[:, None]).any() or (col != cols).any():
        return None
    sy, sx = _step(rows), _step(cols)
    if sy is not None and sx is not None:
        step = sy, sx
        return lambda name, x, y: _depthwise(
            name, x, y, stride=step, pads=_crop((int(rows[0]), int(cols[0])), (1, 1), step, x, y)
        )
    by_row, by_col = (
        (np.stack([a, a], 1), np.tile(np.array([1, 0], np.int64), (len(a), 1)))
        for a in (rows, cols)
    )
    if len(runs(*by_row)) * len(runs(*by_col)) > MAX_CONVOLUTIONS:
        return None
    mantissa, shift = scalar_ratio(1.0)
    return lambda name, x, y: ir.Resize(
        name, x.name, y.name, by_row, by_col, mantissa, shift, x.zero, x.zero
    )


def _gathered(
    x_shape: MapShape, channel: Int64Array, row: Int64Array, col: Int64Array
) -> Emit | None:
    """Each channel from one channel, at an offset of its own: slices and shuffles of channels,
    space to depth.
    """
    offsets, sy, sx = (row[:, :1, :1], col[:, :1, :1]), _step(row[0, :, 0]), _step(col[0, 0, :])
    if sy is None or sx is None or (channel != channel[:, :1, :1]).any():
        return None
    step = sy, sx
    moved = [
        o + s * np.arange(n).reshape(shape)
        for o, s, n, shape in zip(offsets, step, channel.shape[1:], ((-1, 1), (1, -1)), strict=True)
    ]
    if (row != moved[0]).any() or (col != moved[1]).any():
        return None
    first = [int(o.min()) for o in offsets]
    offsets = [o.reshape(-1) - f for o, f in zip(offsets, first, strict=True)]
    kernel = [int(o.max()) + 1 for o in offsets]
    weight = _ones(
        (len(channel), x_shape[1], *kernel), np.arange(len(channel)), channel[:, 0, 0], *offsets
    )
    if weight is None:
        return None
    return lambda name, x, y: moving_conv(
        name, x, y, weight, stride=step, pads=_crop(first, kernel, step, x, y)
    )


def _scattered(
    x_shape: MapShape, channel: Int64Array, row: Int64Array, col: Int64Array
) -> Emit | None:
    """Each pixel spread over a rectangle of pixels: depth to space, and maps from vectors."""
    channels, height, width = channel.shape
    for rh in (d for d in range(1, height + 1) if height % d == 0):
        for rw in (d for d in range(1, width + 1) if width % d == 0):
            split = [
                a.reshape(channels, height // rh, rh, width // rw, rw) for a in (channel, row, col)
            ]
            first = int(row[0, 0, 0]), int(col[0, 0, 0])
            rows = first[0] + np.arange(height // rh).reshape(-1, 1, 1, 1)
            cols = first[1] + np.arange(width // rw).reshape(-1, 1)
            if (
                (split[0] == split[0][:, :1, :, :1]).all()
                and (split[1] == rows).all()
                and (split[2] == cols).all()
            ):
                return _transposed(x_shape, split[0][:, 0, :, 0], first)
    return None


def _transposed(x_shape: MapShape, source: Int64Array, first: tuple[int, int]) -> Emit | None:
    """source: [channels, rows, columns of the rectangle], the channel that each of its pixels comes
    from.
    """
    kh, kw = source.shape[1:]
    to = np.indices(source.shape).reshape(3, -1)
    weight = _ones((x_shape[1], len(source), kh, kw), source.reshape(-1), *to)
    if weight is None:
        return None
    ones, (mantissa, shift) = np.ones(len(source), np.int64), multiplier(1.0)
    return lambda name, x, y: ir.ConvTranspose(
        name,
        x.name,
        y.name,
        weight,
        np.zeros(len(source), np.int32),
        ones * mantissa,
        ones * shift,
        x.zero,
        x.zero,
        stride=(kh, kw),
        pads=(kh * first[0], kw * first[1]),
        moves=True,
    )


def _step(positions: Int64Array) -> int | None:
    """The distance of equidistant rising positions; 1 for a single one; None of others."""
    steps = np.unique(np.diff(positions))
    return 1 if not len(steps) else int(steps[0]) if len(steps) == 1 and steps[0] > 0 else None


def _ones(shape: Sequence[int], *at: npt.ArrayLike) -> npt.NDArray[np.int8] | None:
    """int8 weights, 1 at the positions `at`; None if they are too many."""
    if np.prod(shape) > MAX_WEIGHTS:
        return None
    weight = np.zeros(shape, np.int8)
    weight[tuple(np.asarray(axis) for axis in at)] = 1
    return weight


def _crop(
    first: Sequence[int], kernel: Sequence[int], step: Sequence[int], x: ir.Tensor, y: ir.Tensor
) -> tuple[int, int, int, int]:
    """Pads, mostly negative, with which the windows start at `first` and give as many results as y
    has.
    """
    bottom, right = (
        int(f + s * (n - 1) + k - size)
        for f, k, s, n, size in zip(first, kernel, step, y.shape[2:], x.shape[2:], strict=True)
    )
    return -int(first[0]), -int(first[1]), bottom, right


def _depthwise(
    name: str,
    x: ir.Tensor,
    y: ir.Tensor,
    stride: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    pad_value: int | None = None,
) -> ir.Conv:
    """Every channel as it is, its pixels at that stride, padded or cropped."""
    return moving_conv(
        name,
        x,
        y,
        np.ones((x.shape[1], 1, 1, 1), np.int8),
        stride=stride,
        pads=pads,
        groups=x.shape[1],
        pad_value=pad_value,
    )
