"""Clamps: ReLU and its kind, which cost nothing where the value is still to be quantised."""

from dataclasses import replace

import numpy as np
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Linear, Table


@operator("Relu", runs_on="with its producer")
def relu(ctx: Context, node: onnx.NodeProto, x: Value) -> Value:
    """ONNX Relu, opset 1-14: x of any shape. Unsupported: x that is not quantised."""
    return clipped(ctx, x, 0.0, np.inf)


@operator("Clip", attributes=("max", "min"), limits="constant bounds", runs_on="with its producer")
def clip(
    ctx: Context,
    node: onnx.NodeProto,
    x: Value,
    low: Value | None = None,
    high: Value | None = None,
) -> Value:
    """ONNX Clip, opset 1-13: x of any shape; the bounds are attributes (before opset 11) or
    constant scalars. Unsupported: computed bounds, x that is not quantised.
    """
    a = attributes(node)
    return clipped(ctx, x, _bound(low, a.get("min", -np.inf)), _bound(high, a.get("max", np.inf)))


def _bound(value: Value | None, default: float) -> float:
    if value is None:
        return default
    if not isinstance(value, Const):
        raise Unsupported("its bounds are computed, not constant")
    return float(value.array.reshape(-1)[0])


def clipped(ctx: Context, value: Value, low: float, high: float) -> Linear | Table | Pending:
    """``clip(value, low, high)``, without cost where the value is still to be quantised. Raises
    Unsupported where it is no map.
    """
    if isinstance(value, Table):
        values = np.minimum(np.maximum(value.values, np.float32(low)), np.float32(high))
        return replace(value, values=values)
    if isinstance(value, Linear | Pending):
        return value.clip(float(low), float(high))
    return ctx.materialise(value).clip(float(low), float(high))
