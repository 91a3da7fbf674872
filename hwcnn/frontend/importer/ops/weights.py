"""Constant weights and biases of what runs on the array."""

import numpy as np
import numpy.typing as npt

from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.registry import Unsupported
from hwcnn.frontend.importer.values import Const, DequantisedConst

FloatArray = npt.NDArray[np.float64]


def weights_of(ctx: Context, value: Value, axis: int) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """(int8 weights, scale [Cout]) of a quantised constant whose output channels are on `axis`.

    In a dry run, weights that are still to be quantised are all zero. Raises Unsupported where they
    are computed, not quantised, no int8 less their zero point, or of scales along another axis.
    """
    if not isinstance(value, Const):
        raise Unsupported("its weights are computed, not constant")
    if not isinstance(value, DequantisedConst):
        if ctx.dry_run:
            return np.zeros(value.shape, np.int8), np.ones(value.shape[axis])
        raise Unsupported(
            "its weights are not quantised: give them a DequantizeLinear, or import the float model"
        )
    if value.q.min(initial=0) < INT8_MIN or value.q.max(initial=0) > INT8_MAX:
        raise Unsupported(
            "its weights less their zero point do not fit int8: quantise them symmetrically"
        )
    if value.scale.size > 1 and value.axis % value.q.ndim != axis:
        raise Unsupported(
            f"its weights have scales along axis {value.axis}: expected the output channels' axis "
            f"{axis}"
        )
    scale = value.scale.astype(np.float64).reshape(-1)
    return value.q.astype(np.int8, copy=False), np.broadcast_to(scale, value.q.shape[axis])


def spatial_weights(weight: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Weights with rows and columns: those of one dimension get one row. Raises Unsupported of
    three dimensions.
    """
    if weight.ndim not in (3, 4):
        raise Unsupported(f"{weight.ndim - 2}-D convolution: 1-D and 2-D are supported")
    return weight[:, :, None, :] if weight.ndim == 3 else weight


def bias_of(value: Value | None, channels: int) -> FloatArray:
    """Real bias [Cout] of a constant that broadcasts along the channels; None gives zeros. Raises
    Unsupported where it is computed, or differs from row to row.
    """
    if value is None:
        return np.zeros(channels)
    if not isinstance(value, Const):
        raise Unsupported("its bias is computed, not constant")
    array = value.real
    rows = np.broadcast_to(array, np.broadcast_shapes(array.shape, (channels,)))
    rows = rows.reshape(-1, channels)
    if (rows != rows[0]).any():
        raise Unsupported("its bias differs from row to row")
    return rows[0]
