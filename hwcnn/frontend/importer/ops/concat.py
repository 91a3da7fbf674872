"""Concatenation: of channels by addresses alone; of rows or columns, each part is padded with zeros
to the whole map, and these are added.
"""

import math
from collections.abc import Sequence
from itertools import accumulate

import onnx

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.importer import relayout
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending, PendingOp
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Linear, Padded, Table, map_shape

from .broadcast import merged
from .elementwise import eltwise


@operator(
    "Concat",
    attributes=("axis",),
    runs_on="nothing",
    limits="along channels, rows or columns; parts in another scale than the result are "
    "requantised; along rows or columns the array moves every part",
)
def concat(ctx: Context, node: onnx.NodeProto, *xs: Value) -> Value:
    """ONNX Concat, opset 1-13: maps along channels, rows or columns. Unsupported: images of a
    batch, constants.
    """
    axis, rank = attributes(node)["axis"], len(ctx.result_shape(node))
    axis %= rank
    if len(xs) == 1:
        return xs[0]
    if axis == 0 or (rank > 4 and axis > 1):
        raise Unsupported(f"axis {axis}: only channels, rows and columns can be concatenated")
    if axis > 1:
        return _joined(ctx, node, xs, axis + 4 - rank)
    operands = [_operand(ctx, merged(ctx, x), i) for i, x in enumerate(xs)]
    n, *split, h, w = ctx.result_shape(node) if rank > 4 else ctx.result_map_shape(node)

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Concat:
        names: list[str] = []
        for i, x in enumerate(operands):
            if (low, high) != (INT8_MIN, INT8_MAX) and not isinstance(x, Table):
                x = x.clip((low - y.zero) * y.scale, (high - y.zero) * y.scale)
            raw = ctx.quantise(f"{node.name}/{i}", x, f"{y.name}/{i}", y.scale, y.zero)
            names.append(raw.tensor)
        return ir.Concat(node.name, tuple(names), y.name)

    return PendingOp(ctx.result_shape(node), (n, math.prod(split), h, w), emit)


def _joined(ctx: Context, node: onnx.NodeProto, xs: Sequence[Value], axis: int) -> Pending:
    """Parts along axis 2 or 3 of the map."""
    parts = [_operand(ctx, x, i) for i, x in enumerate(xs)]
    shape = ctx.result_map_shape(node)
    sizes = [int(part.shape[axis - 4]) for part in parts]

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Eltwise:
        moved: list[ir.Tensor] = []
        for i, (x, end) in enumerate(zip(parts, accumulate(sizes), strict=True)):
            raw = ctx.quantise(f"{node.name}/{i}", x, f"{y.name}/{i}", y.scale, y.zero)
            pads = end - sizes[i], shape[axis] - end
            pads = (pads[0], 0, pads[1], 0) if axis == 2 else (0, pads[0], 0, pads[1])
            whole = Padded(raw.tensor, shape, pads, 0.0)
            moved.append(ctx.tensor(relayout.padded(ctx, f"{node.name}/{i}", whole)))
        first, *others, last = moved
        for i, other in enumerate(others):
            both = ctx.new_tensor(f"{y.name}/sum{i}", shape, y.scale, y.zero)
            name = f"{node.name}/sum{i}"
            ctx.ops.append(eltwise(name, "add", first, other, (1, 1, 0), both, INT8_MIN, INT8_MAX))
            first = both
        return eltwise(node.name, "add", first, last, (1, 1, 0), y, low, high)

    return PendingOp(ctx.result_shape(node), shape, emit)


def _operand(ctx: Context, x: Value, i: int) -> Linear | Table | Pending:
    """x as it is where it is a map that is still to be quantised, else as an int8 map."""
    if isinstance(x, Linear | Table | Pending) and x.index is None:
        shape = x.y_shape if isinstance(x, Pending) else ctx.tensor(x).shape
        if map_shape(x.shape) == shape:
            return x
    return ctx.materialise(x, f"part {i}")
