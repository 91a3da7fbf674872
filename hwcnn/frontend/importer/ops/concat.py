"""Concatenation."""

from hwcnn import ir
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Linear, Pending, Table, map_shape


@operator(
    "Concat",
    attributes=("axis",),
    runs_on="nothing",
    limits="along channels; parts in another scale than the result are requantised",
)
def concat(ctx, node, *xs):
    shape = tuple(ctx.shapes[node.output[0]])
    if attributes(node)["axis"] % len(shape) != 1:
        raise Unsupported(
            f"axis {attributes(node)['axis']}: only channels (axis 1) can be concatenated"
        )
    if len(xs) == 1:
        return xs[0]
    parts = []
    for i, x in enumerate(xs):
        if (
            isinstance(x, Linear | Table | Pending)
            and x.index is None
            and map_shape(x.shape) == (x.y_shape if isinstance(x, Pending) else ctx.tensor(x).shape)
        ):
            parts.append(x)
        else:
            parts.append(ctx.materialise(x, f"part {i}"))

    def emit(y, low, high):
        names = []
        for i, part in enumerate(parts):
            if (low, high) != (-128, 127) and not isinstance(part, Table):
                part = part.clip((low - y.zero) * y.scale, (high - y.zero) * y.scale)
            names.append(
                ctx.quantise(f"{node.name}/{i}", part, f"{y.name}/{i}", y.scale, y.zero).tensor
            )
        return ir.Concat(node.name, tuple(names), y.name)

    return Pending(shape, map_shape(shape), emit)
