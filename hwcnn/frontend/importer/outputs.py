"""The outputs of a network: the tensors that they come from, and what the host makes of these."""

from dataclasses import replace

import numpy as np

from .context import Context, Value
from .registry import Unsupported
from .values import Const, Host, Input, Linear, Padded


def output(ctx: Context, name: str, value: Value | None) -> tuple[str, tuple[int, ...]]:
    """(tensor, shape) of the ONNX output `name`, which `value` stands for. Raises Unsupported where
    it is no map.
    """
    if isinstance(value, Host):
        _rename(ctx, name, value)
    elif isinstance(value, Padded) or (
        isinstance(value, Linear) and value.is_identity and value.index is not None
    ):
        value = ctx.materialise(value, "it")
    elif not isinstance(value, Linear) or not value.is_identity:
        raise Unsupported(_why(value))
    return value.tensor, tuple(value.shape)


def _why(value: Value | None) -> str:
    if isinstance(value, Const):
        return "it is a constant"
    if isinstance(value, Input):
        return "it is an input of the network as it is: read it there"
    return "it is not quantised: a QuantizeLinear is missing before it"


def _rename(ctx: Context, name: str, value: Host) -> None:
    """Have the host's last operation give `name`, in the shape of the output."""
    op = next(op for op in ctx.host if op.y == value.at)
    if name == op.y:
        return
    shape, axis = ctx.shapes[op.y], op.attributes["axis"]
    after = np.prod(shape[axis + 1 :])
    moved = [
        i
        for i, n in enumerate(value.shape)
        if n == shape[axis] and np.prod(value.shape[i + 1 :]) == after
    ]
    if not moved:
        raise Unsupported(f"{op.op_type} works along an axis that is no longer one of the output's")
    ctx.host.append(replace(op, y=name, attributes=op.attributes | {"axis": moved[0]}))
