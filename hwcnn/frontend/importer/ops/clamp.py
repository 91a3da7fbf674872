"""Clamps: ReLU and its kind, which cost nothing where the value is still to be quantised."""

from dataclasses import replace

import numpy as np

from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Linear, Pending, Table


@operator("Relu", runs_on="with its producer")
def relu(ctx, node, x):
    return clipped(ctx, node, x, 0.0, np.inf)


@operator("Clip", attributes=("max", "min"), limits="constant bounds", runs_on="with its producer")
def clip(ctx, node, x, low=None, high=None):
    if any(bound is not None and not isinstance(bound, Const) for bound in (low, high)):
        raise Unsupported("its bounds are computed, not constant")
    a = attributes(node)
    low = a.get("min", -np.inf) if low is None else float(low.array.reshape(-1)[0])
    high = a.get("max", np.inf) if high is None else float(high.array.reshape(-1)[0])
    return clipped(ctx, node, x, low, high)


def clipped(ctx, node, value, low, high):
    """``clip(value, low, high)``, without cost where the value is still to be quantised."""
    if isinstance(value, Table):
        return replace(
            value, values=np.minimum(np.maximum(value.values, np.float32(low)), np.float32(high))
        )
    if isinstance(value, Linear | Pending):
        return value.clip(float(low), float(high))
    return ctx.materialise(value).clip(float(low), float(high))
