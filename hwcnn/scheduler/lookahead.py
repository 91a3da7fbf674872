"""What comes after a layer, as far as its own schedule should care."""

from hwcnn import ir, limits


def urgency(graph):
    """For each layer the first convolution that waits for its result, directly or through the
    vector engine.
    """
    layers = len(graph.ops)
    first = {}
    needed = [layers] * layers
    for i in reversed(range(layers)):
        op = graph.ops[i]
        needed[i] = first.get(op.y, layers)
        for x in op.inputs:
            first[x] = min(first.get(x, layers), i if isinstance(op, ir.ARRAY_OPS) else needed[i])
    return needed


def tail_work(graph, placements, config):
    """Cycles of the vector engine for a row of each tensor, until the next convolutions: what the
    array may wait for.

    Returns {tensor: cycles}.
    """
    work = {}
    for op in reversed(graph.ops):
        if isinstance(op, ir.ARRAY_OPS):
            continue
        after = work.get(op.y, 0)
        for x in op.inputs:
            if isinstance(op, ir.Concat):
                more = after * placements[x].blocks / placements[op.y].blocks
            else:
                more = (
                    row_cycles(op, placements[x], config)
                    + after * placements[op.y].shape[2] / placements[x].shape[2]
                )
            work[x] = work.get(x, 0) + more
    return work


def row_cycles(op, x, config):
    """Cycles of the vector engine for a row of its operand, about."""
    vectors = x.shape[3] * x.blocks
    if isinstance(op, ir.Lrn):
        return limits.lrn_cycles(config, x.blocks, x.shape[3])
    if isinstance(op, ir.Pool):
        return limits.pool_cycles(
            config, vectors, vectors // (op.stride[0] * op.stride[1]), op.kernel[0]
        )
    return vectors * limits.result_cycles(config)
