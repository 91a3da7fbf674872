"""Depthwise convolutions that the vector engine's depthwise unit does beside the array.

The array does them on its diagonal, an R-th of its multipliers at work, so all go to the unit that
fit it; those that it cannot do stay convolutions.
"""

from dataclasses import dataclass

import numpy as np

from hwcnn import ir, limits
from hwcnn.config import AccelConfig
from hwcnn.fixedpoint import round_shift
from hwcnn.ir.checks import INT40

from .graph_editor import GraphEditor

#: What stands for results that are clamped whatever the zero point.
FAR = 1 << 10


def run(graph: ir.Graph, config: AccelConfig) -> ir.Graph:
    """The graph with `ir.Depthwise` in place of the convolutions that are such."""
    editor = GraphEditor(graph)
    editor.ops += [
        as_depthwise(op) or op
        if isinstance(op, ir.Conv) and _is_depthwise(op, graph) and _fits(op, graph, config)
        else op
        for op in graph.ops
    ]
    return editor.result()


def _is_depthwise(op: ir.Conv, graph: ir.Graph) -> bool:
    """A channel of the result for each of the operand, and nothing behind the requantisation."""
    channels = graph.tensors[op.x].shape[1]
    return (
        op.groups == channels == len(op.weight)
        and channels > 1
        and op.second is None
        and op.weight.dtype == np.int8
    )


def _fits(op: ir.Conv, graph: ir.Graph, config: AccelConfig) -> bool:
    first, end = windows_inside(op, graph.tensors[op.x].shape[2], graph.tensors[op.y].shape[2])
    reason = limits.depthwise_reason(config, op.kernel, op.stride, op.dilation, op.pads)
    return first < end and reason is None


def windows_inside(op: ir.Conv | ir.Depthwise, rows: int, out_rows: int) -> tuple[int, int]:
    """(first, end) of the rows of results whose windows see some of a map of `rows` rows, rather
    than nothing but padding; empty where first >= end.
    """
    stride, top = op.stride[0], op.pads[0]
    height = (op.kernel[0] - 1) * op.dilation[0] + 1
    return max(0, -(-(top - height + 1) // stride)), min(out_rows, -(-(rows + top) // stride))


def as_depthwise(op: ir.Conv) -> ir.Depthwise | None:
    """A convolution of each channel for itself on the depthwise unit; None where a channel's
    constant does not fit.
    """
    reach = 128 * np.abs(op.weight.astype(np.int64)).sum(axis=(1, 2, 3))
    channels = [
        requantisation(*map(int, values))
        for values in zip(op.bias, op.mantissa, op.shift, reach, strict=True)
    ]
    fitting = [c for c in channels if c is not None]
    if len(fitting) < len(channels):
        return None
    return ir.Depthwise(
        op.name,
        op.x,
        op.y,
        op.weight,
        np.array([c.mantissa for c in fitting], np.int64),
        np.array([c.c for c in fitting], np.int64),
        np.array([c.shift for c in fitting], np.int64),
        op.zero,
        op.low,
        op.high,
        op.stride,
        op.pads,
        op.dilation,
        op.pad_value,
        op.moves,
    )


@dataclass(frozen=True)
class Requantisation:
    """``rhe((sum * mantissa + c) / 2**shift)``."""

    mantissa: int
    c: int
    shift: int

    def __call__(self, total: int) -> int:
        return int(round_shift(np.array(total * self.mantissa + self.c), self.shift))


def requantisation(bias: int, mantissa: int, shift: int, reach: int) -> Requantisation | None:
    """What gives ``rhe((sum + bias) * mantissa / 2**shift)`` for all sums from -reach to reach, but
    that results beyond +-`FAR` may be others beyond it; None if the constant does not fit.

    A constant that is too large for 40 bits goes with a large shift, or all results are clamped. If
    it leaves two results at most, whatever the sum, then only the sum matters from which on it is
    the greater one.
    """
    exact = Requantisation(mantissa, bias * mantissa, shift)
    if INT40[0] <= exact.c <= INT40[1]:
        return exact
    low, high = (max(-FAR, min(FAR, exact(total))) for total in (-reach, reach))
    if high == low:
        return Requantisation(0, low, 0)
    if high - low > 1:
        return None
    # The smallest product with the greater result: a tie is one where that is even.
    least = ((2 * high - 1) << shift - 1) + high % 2
    threshold = -((exact.c - least) // mantissa)
    half = 1 << (4 * reach + 1).bit_length()
    return Requantisation(2, (2 * low + 1) * half + 1 - 2 * threshold, half.bit_length())
