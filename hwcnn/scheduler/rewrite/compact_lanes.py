"""Dense lanes for what needs them: LRN's operand, a residual, and the operands of an element-wise
operation whose lanes differ.

A tensor of a concatenation has holes where an operand's channels are not a multiple of L; the
vector engine keeps its operand's lanes.
"""

import dataclasses

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.layout import dense
from hwcnn.scheduler.place import Runs, result_runs

from . import copies
from .graph_editor import GraphEditor


def run(graph: ir.Graph, config: AccelConfig) -> ir.Graph:
    """The graph with an identity convolution before each operand that needs dense lanes and has
    none.
    """
    lanes, editor = config.lanes, GraphEditor(graph)
    runs: dict[str, Runs] = {name: dense(graph.tensors[name].shape[1]) for name in graph.inputs}
    clean = set(graph.inputs)  # tensors whose holes hold the zero point
    compacted: dict[str, str] = {}

    def compact(name: str, holes_matter: bool = False) -> str:
        """The name of a dense copy of a tensor, or its own where it is dense."""
        channels = editor.tensors[name].shape[1]
        holes_are_wrong = holes_matter and name not in clean and channels % lanes
        if runs[name] == dense(channels) and not holes_are_wrong:
            return name
        if name not in compacted:
            compacted[name] = new = editor.derive(name, "dense")
            editor.ops.append(copies.by_array(new, name, new, editor.tensors[name]))
            runs[new] = dense(channels)
        return compacted[name]

    for op in graph.ops:
        if isinstance(op, ir.Lrn):
            op = dataclasses.replace(op, x=compact(op.x, holes_matter=True))
        elif isinstance(op, ir.Eltwise) and runs[op.a] != runs[op.b]:
            op = dataclasses.replace(op, a=compact(op.a), b=compact(op.b))
        elif isinstance(op, ir.Conv) and op.second is not None and op.second.residual is not None:
            second = dataclasses.replace(op.second, residual=compact(op.second.residual))
            op = dataclasses.replace(op, second=second)
        editor.ops.append(op)
        if _keeps_holes_clean(op, clean):
            clean.add(op.y)
        runs[op.y] = result_runs(op, runs, editor.tensors, lanes)
    return editor.result()


def _keeps_holes_clean(op: ir.Op, clean: set[str]) -> bool:
    """True where padded lanes of the result hold its zero point."""
    if isinstance(op, ir.ARRAY_OPS):
        return getattr(op, "second", None) is None
    return isinstance(op, ir.Affine | ir.Depthwise) or (
        isinstance(op, (ir.Pool, ir.Lrn, ir.Concat)) and clean.issuperset(op.inputs)
    )
