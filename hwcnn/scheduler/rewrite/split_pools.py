"""Pooling windows that overlap more than the window unit holds: max in several poolings, average
as a depthwise convolution.
"""

import dataclasses

import numpy as np

from hwcnn import ir, limits
from hwcnn.config import AccelConfig
from hwcnn.scheduler.averages import is_global_average, needs_array

from .graph_editor import GraphEditor


def run(graph: ir.Graph, config: AccelConfig) -> ir.Graph:
    """The graph without poolings that the window unit cannot do and something else can."""
    editor = GraphEditor(graph)
    for op in graph.ops:
        op = _single_windows(op, graph) if isinstance(op, ir.Pool) else op
        if isinstance(op, ir.Pool) and op.kind == "max" and _too_wide(op, graph):
            _split_max(editor, op)
        elif (
            isinstance(op, ir.Pool)
            and needs_array(op, config, graph)
            and not is_global_average(op, graph)
        ):
            editor.ops.append(_average_conv(op, graph.tensors[op.x], graph.tensors[op.y]))
        else:
            editor.ops.append(op)
    return editor.result()


def _single_windows(op: ir.Pool, graph: ir.Graph) -> ir.Pool:
    """Along an axis with one window, any stride is the same: one that suits the window unit."""
    _, _, rows, cols = graph.tensors[op.y].shape
    return dataclasses.replace(
        op, stride=(1 if rows == 1 else op.stride[0], op.kernel[1] if cols == 1 else op.stride[1])
    )


def _split_max(editor: GraphEditor, op: ir.Pool) -> None:
    """Row maxima of narrower windows, one pooling after the other, before the pooling itself."""
    x, (kh, kw), (top, left, bottom, right) = op.x, op.kernel, op.pads
    n, c, h, w = editor.tensors[x].shape
    out_cols = editor.tensors[op.y].shape[3]
    right = max(right, (out_cols - 1) * op.stride[1] + kw - w - left)
    while kw > _widest(op.stride[1]):
        step = min(_widest(1), kw - _widest(op.stride[1]) + 1)
        w = w + left + right - step + 1
        narrowed = editor.derive(x, "rowmax", shape=(n, c, h, w))
        editor.ops.append(
            ir.Pool(
                f"{op.name}.rowmax",
                x,
                narrowed,
                "max",
                (1, step),
                (1, 1),
                (0, left, 0, right),
                {0: (1, 0)},
                op.x_zero,
                op.x_zero,
            )
        )
        x, kw, left, right = narrowed, kw - step + 1, 0, 0
    editor.ops.append(dataclasses.replace(op, x=x, kernel=(kh, kw), pads=(top, 0, bottom, 0)))


def _widest(stride: int) -> int:
    """The widest window of any number of columns."""
    return (limits.OPEN_WINDOWS - 1) * stride + 1


def _too_wide(op: ir.Pool, graph: ir.Graph) -> bool:
    return (
        op.kernel[1] > _widest(op.stride[1]) and graph.tensors[op.y].shape[3] >= limits.OPEN_WINDOWS
    )


def _average_conv(op: ir.Pool, x: ir.Tensor, y: ir.Tensor) -> ir.Conv:
    """The average as a depthwise convolution with weights of one. Its pads end where its last
    windows do.
    """
    channels, taps = x.shape[1], op.kernel[0] * op.kernel[1]
    (top, left, _, _), (kh, kw), (sh, sw) = op.pads, op.kernel, op.stride
    bottom = (y.shape[2] - 1) * sh + kh - x.shape[2] - top
    right = (y.shape[3] - 1) * sw + kw - x.shape[3] - left
    ((mantissa, shift),) = set(op.multipliers.values())
    return ir.Conv(
        op.name,
        op.x,
        op.y,
        np.ones((channels, 1, *op.kernel), np.int8),
        np.full(channels, -taps * op.x_zero, np.int32),
        np.full(channels, mantissa, np.int64),
        np.full(channels, shift, np.int64),
        op.zero,
        op.low,
        op.high,
        op.stride,
        (top, left, bottom, right),
        groups=channels,
        pad_value=op.x_zero,
        moves=True,
    )
