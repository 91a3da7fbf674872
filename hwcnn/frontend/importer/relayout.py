"""Views of maps made into maps: a rearrangement of elements as a convolution whose weights are ones
and zeros.

Its sums are the elements themselves, and it keeps scale and zero point, so it is exact.
"""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN, multiplier
from hwcnn.resampling import MAX_CONVOLUTIONS, runs

from .registry import Unsupported
from .values import Linear, map_shape

#: Weights of a rearrangement at most; it would cost as much as a convolution of that many.
MAX_WEIGHTS = 1 << 22
#: How near to an integer a padding constant must be, in steps of int8.
_NEAR = 1e-3


def rearranged(ctx, value, what):
    """A `Linear` whose tensor is, element for element, what the view `value` shows. Raises
    Unsupported.
    """
    x, shape = ctx.tensor(value), map_shape(value.shape)
    if shape is None:
        raise Unsupported(
            f"{what} has {len(value.shape)} dimensions: only maps of 1 to 4 can be computed with"
        )
    emit = _find(x.shape, shape, value.index)
    if emit is None:
        raise Unsupported(
            f"{what} has another layout than the map that it comes from (Transpose or Reshape): only a fully connected "
            "layer can read it; taken as channels, rows and columns, it must keep rows and columns in order"
        )
    y = ctx.new_tensor(f"{x.name}/{ctx.node}", shape, x.scale, x.zero)
    ctx.ops.append(emit(f"{ctx.node}/layout", x, y))
    return Linear(y.name, value.shape)


def padded(ctx, value):
    """A `Linear` whose tensor is the `Padded` map with its padding. Raises Unsupported where int8
    cannot hold the constant.
    """
    x = ctx.tensor(value)
    exact = value.value / x.scale + x.zero
    constant = int(np.rint(np.clip(exact, INT8_MIN, INT8_MAX)))
    if abs(constant - exact) > _NEAR and not ctx.dry_run:
        raise Unsupported(f"it pads with {value.value:g}, which the int8 of its map cannot hold")
    y = ctx.new_tensor(f"{x.name}/{ctx.node}", map_shape(value.shape), x.scale, x.zero)
    ctx.ops.append(_depthwise(f"{ctx.node}/pad", x, y, pads=value.pads, pad_value=constant))
    return Linear(y.name, value.shape)


def _find(x_shape, shape, index):
    """A function (name, x, y) -> operation that computes a view, or None. index: flat positions, or
    None: in order.
    """
    size = int(np.prod(x_shape[1:]))
    index = np.arange(np.prod(shape)) if index is None else index
    index = index.reshape(shape)
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


def _resampled(x_shape, channel, row, col):
    """Channels as they are, rows and columns taken apart: crops, steps, repetitions, reflections."""
    rows, cols = row[0, :, 0], col[0, 0, :]
    same = (
        channel.shape[0] == x_shape[1]
        and (channel == np.arange(x_shape[1]).reshape(-1, 1, 1)).all()
    )
    if not same or (row != rows[:, None]).any() or (col != cols).any():
        return None
    step = _step(rows), _step(cols)
    if None not in step:
        return lambda name, x, y: _depthwise(
            name, x, y, stride=step, pads=_crop((rows[0], cols[0]), (1, 1), step, x, y)
        )
    axes = [(np.stack([a, a], 1), np.tile([1, 0], (len(a), 1))) for a in (rows, cols)]
    if len(runs(*axes[0])) * len(runs(*axes[1])) > MAX_CONVOLUTIONS:
        return None
    mantissa, shift = (int(v) for v in multiplier(1.0))
    return lambda name, x, y: ir.Resize(
        name, x.name, y.name, *axes, mantissa, shift, x.zero, x.zero
    )


def _gathered(x_shape, channel, row, col):
    """Each channel from one channel, at an offset of its own: slices and shuffles of channels,
    space to depth.
    """
    offsets, step = (row[:, :1, :1], col[:, :1, :1]), (_step(row[0, :, 0]), _step(col[0, 0, :]))
    if None in step or (channel != channel[:, :1, :1]).any():
        return None
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
    return lambda name, x, y: _conv(
        name, x, y, weight, stride=step, pads=_crop(first, kernel, step, x, y)
    )


def _scattered(x_shape, channel, row, col):
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


def _transposed(x_shape, source, first):
    """source: [channels, rows, columns of the rectangle], the channel that each of its pixels comes
    from.
    """
    kernel = source.shape[1:]
    to = np.indices(source.shape).reshape(3, -1)
    weight = _ones((x_shape[1], len(source), *kernel), source.reshape(-1), *to)
    if weight is None:
        return None
    ones, (mantissa, shift) = np.ones(len(source), np.int64), multiplier(1.0)
    pads = tuple(k * f for k, f in zip(kernel, first, strict=True))
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
        stride=kernel,
        pads=pads,
        moves=True,
    )


def _step(positions):
    """The distance of equidistant rising positions; 1 for a single one; None where they are not so."""
    steps = np.unique(np.diff(positions))
    return 1 if not len(steps) else int(steps[0]) if len(steps) == 1 and steps[0] > 0 else None


def _ones(shape, *at):
    """int8 weights, 1 at the positions `at`; None if they are too many."""
    if np.prod(shape) > MAX_WEIGHTS:
        return None
    weight = np.zeros(shape, np.int8)
    weight[at] = 1
    return weight


def _crop(first, kernel, step, x, y):
    """Pads, mostly negative, with which the windows start at `first` and give as many results as y
    has.
    """
    after = [
        f + s * (n - 1) + k - size
        for f, k, s, n, size in zip(first, kernel, step, y.shape[2:], x.shape[2:], strict=True)
    ]
    return tuple(int(p) for p in (-first[0], -first[1], *after))


def _depthwise(name, x, y, **geometry):
    return _conv(name, x, y, np.ones((x.shape[1], 1, 1, 1), np.int8), groups=x.shape[1], **geometry)


def _conv(name, x, y, weight, **geometry):
    """Each sum has one term, the element; its bias takes off the zero point, which requantisation
    adds again.
    """
    ones, (mantissa, shift) = np.ones(len(weight), np.int64), multiplier(1.0)
    bias = np.full(len(weight), -x.zero, np.int32)
    geometry = {"pad_value": x.zero, "moves": True} | geometry
    return ir.Conv(
        name, x.name, y.name, weight, bias, ones * mantissa, ones * shift, x.zero, **geometry
    )
