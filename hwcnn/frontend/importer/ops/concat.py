"""Concatenation."""

import onnx

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending, PendingOp
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Linear, Table, map_shape


@operator(
    "Concat",
    attributes=("axis",),
    runs_on="nothing",
    limits="along channels; parts in another scale than the result are requantised",
)
def concat(ctx: Context, node: onnx.NodeProto, *xs: Value) -> Value:
    """ONNX Concat, opset 1-13: maps along channels. Unsupported: other axes, constants."""
    axis, rank = attributes(node)["axis"], len(ctx.result_shape(node))
    if axis % rank != 1:
        raise Unsupported(f"axis {axis}: only channels (axis 1) can be concatenated")
    if len(xs) == 1:
        return xs[0]
    operands = [_operand(ctx, x, i) for i, x in enumerate(xs)]

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Concat:
        names: list[str] = []
        for i, x in enumerate(operands):
            if (low, high) != (INT8_MIN, INT8_MAX) and not isinstance(x, Table):
                x = x.clip((low - y.zero) * y.scale, (high - y.zero) * y.scale)
            raw = ctx.quantise(f"{node.name}/{i}", x, f"{y.name}/{i}", y.scale, y.zero)
            names.append(raw.tensor)
        return ir.Concat(node.name, tuple(names), y.name)

    return PendingOp(ctx.result_shape(node), ctx.result_map_shape(node), emit)


def _operand(ctx: Context, x: Value, i: int) -> Linear | Table | Pending:
    """x as it is where it is a map that is still to be quantised, else as an int8 map."""
    if isinstance(x, Linear | Table | Pending) and x.index is None:
        shape = x.y_shape if isinstance(x, Pending) else ctx.tensor(x).shape
        if map_shape(x.shape) == shape:
            return x
    return ctx.materialise(x, f"part {i}")
