"""What comes after a layer, as far as its own schedule should care."""

from collections.abc import Mapping

from hwcnn import ir, limits
from hwcnn.config import AccelConfig
from hwcnn.layout import Placement


def urgency(graph: ir.Graph) -> list[int]:
    """For each layer the index of the first convolution that waits for its result, directly or
    through the vector engine; the number of layers where none does.
    """
    layers = len(graph.ops)
    first: dict[str, int] = {}
    needed = [layers] * layers
    for i in reversed(range(layers)):
        op = graph.ops[i]
        needed[i] = first.get(op.y, layers)
        for x in op.inputs:
            first[x] = min(first.get(x, layers), i if isinstance(op, ir.ARRAY_OPS) else needed[i])
    return needed


def vector_cycles_after(
    graph: ir.Graph, placements: Mapping[str, Placement], config: AccelConfig
) -> dict[str, float]:
    """Of each tensor: cycles of the vector engine for a row of it, until the next convolutions,
    which the array may have to wait for.
    """
    work: dict[str, float] = {}
    for op in reversed(graph.ops):
        if isinstance(op, ir.ARRAY_OPS):
            continue
        after = work.get(op.y, 0)
        for x in op.inputs:
            if isinstance(op, ir.Concat):
                more = after * placements[x].blocks / placements[op.y].blocks
            else:
                more = (
                    _row_cycles(op, placements[x], config)
                    + after * placements[op.y].shape[2] / placements[x].shape[2]
                )
            work[x] = work.get(x, 0) + more
    return work


def _row_cycles(op: ir.Op, x: Placement, config: AccelConfig) -> int:
    """Cycles of the vector engine for a row of its operand, about."""
    vectors = x.shape[3] * x.blocks
    if isinstance(op, ir.Lrn):
        return limits.lrn_cycles(config, x.blocks, x.shape[3])
    if isinstance(op, ir.Pool):
        results = vectors // (op.stride[0] * op.stride[1])
        return limits.pool_cycles(config, vectors, results, op.kernel[0])
    if isinstance(op, ir.Depthwise):
        shape = limits.DepthwiseShape(config, op.kernel, op.stride, op.dilation)
        taps = op.kernel[0] * shape.groups // (op.stride[0] * op.stride[1])
        return vectors * max(1, taps)
    return vectors * limits.result_cycles(config)
