"""Constants of one value a channel that meet a map, in whatever layout ONNX has it."""

import numpy as np
import numpy.typing as npt

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending
from hwcnn.frontend.importer.registry import Unsupported
from hwcnn.frontend.importer.values import Const, Linear, PerChannel, Table, map_shape


def per_channel(ctx: Context, constant: Const, other: Value) -> tuple[PerChannel, Value]:
    """(a constant operand as a scalar or as one value for each channel of the map, the operand that
    it meets: computed as a map where its layout makes that necessary).

    Raises Unsupported where the constant varies along rows, columns or images.
    """
    array = constant.real
    if array.size == 1:
        return float(array.reshape(-1)[0]), other
    rank = len(other.shape)
    if array.ndim > rank or np.broadcast_shapes(array.shape, other.shape) != tuple(other.shape):
        raise Unsupported(
            f"the constant's shape {list(array.shape)} would enlarge the map {list(other.shape)}"
        )
    array = array.reshape((1,) * (rank - array.ndim) + array.shape)
    view = other if isinstance(other, Linear | Table | Pending) else None
    if view is None or in_order(ctx, view):
        return _along_channels(array, constant), other
    found = _by_channel(ctx, array, view)
    if found is not None:
        return found, other
    return _along_channels(array, constant), ctx.materialise(other)


def _along_channels(array: npt.NDArray[np.float64], constant: Const) -> npt.NDArray[np.float64]:
    """[C] of an array with a map's dimensions."""
    if array.size != array.shape[min(1, array.ndim - 1)]:
        raise Unsupported(f"the constant's shape {list(constant.shape)} is not one value a channel")
    return array.reshape(-1)


def channel_of(shape: tuple[int, ...], index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The channel of elements of a map [N, C, H, W]. index : their flat positions."""
    return index // (shape[2] * shape[3]) % shape[1]


def in_order(ctx: Context, value: Linear | Table | Pending) -> bool:
    """True where ONNX's layout of the value is that of its map."""
    return value.index is None and map_shape(value.shape) == _map_of(ctx, value)


def _map_of(ctx: Context, value: Linear | Table | Pending) -> tuple[int, ...]:
    return value.y_shape if isinstance(value, Pending) else ctx.tensor(value).shape


def _by_channel(
    ctx: Context, array: npt.NDArray[np.float64], value: Linear | Table | Pending
) -> npt.NDArray[np.float64] | None:
    """The value that each channel of the map behind a view meets; None where one meets several."""
    shape, index = _map_of(ctx, value), value.index
    index = np.arange(np.prod(value.shape)).reshape(value.shape) if index is None else index
    channel, met = channel_of(shape, index), np.broadcast_to(array, value.shape)
    found = np.ones(shape[1])
    found[channel] = met
    return found if (found[channel] == met).all() else None
