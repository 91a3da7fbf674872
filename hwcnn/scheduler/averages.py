"""Which averages the PE array computes in place of the vector engine, and how."""

from hwcnn import ir, limits
from hwcnn.config import AccelConfig


def needs_array(op: ir.Pool, config: AccelConfig, graph: ir.Graph) -> bool:
    """True for an average that the vector engine cannot do and the array can: one multiplier for
    all windows.
    """
    if op.kind != "average":
        return False
    columns = min(
        graph.tensors[op.y].shape[3],
        max(1, limits.max_pool_cols(config, op.kernel[0], op.stride[0])),
    )
    reason = limits.pool_reason(config, op.kernel, op.stride, columns, is_sum=True)
    return _is_uniform(op) and (reason is not None or "pool" not in config.features)


def is_global_average(op: ir.Pool, graph: ir.Graph) -> bool:
    """True for an average over the whole map that `lower.global_average` can do."""
    whole = op.kernel == graph.tensors[op.x].shape[2:] and graph.tensors[op.y].shape[2:] == (1, 1)
    return op.kind == "average" and whole and not any(op.pads) and _is_uniform(op)


def _is_uniform(op: ir.Pool) -> bool:
    """One multiplier for all windows, and loops that count the taps."""
    return len(set(op.multipliers.values())) == 1 and max(op.kernel) < 256
