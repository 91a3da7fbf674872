"""Copies of concatenation operands: a concatenation owns its operands' memory, so one that already
has a place of its own (an input, an operand of another concatenation) is copied.
"""

import dataclasses

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.scheduler.place import homes, lane_runs

from . import copies
from .graph_editor import GraphEditor


def run(graph: ir.Graph, config: AccelConfig) -> ir.Graph:
    """The graph with a copy before each operand of a concatenation that has another place.

    A copy changes where other tensors lie, so this goes on until no operand needs one.
    """
    _, misplaced = homes(graph, lane_runs(graph, config.lanes), config.lanes)
    if not misplaced:
        return graph
    editor = GraphEditor(graph)
    wanted: dict[str, set[int]] = {}
    for concat, i in misplaced:
        wanted.setdefault(concat.y, set()).add(i)
    copy = copies.by_vector_engine if config.features else copies.by_array
    for op in graph.ops:
        if isinstance(op, ir.Concat) and op.y in wanted:
            xs = list(op.xs)
            for i in sorted(wanted[op.y]):
                xs[i] = editor.derive(xs[i], "copy")
                editor.ops.append(copy(xs[i], op.xs[i], xs[i], editor.tensors[xs[i]]))
            op = dataclasses.replace(op, xs=tuple(xs))
        editor.ops.append(op)
    return run(editor.result(), config)
