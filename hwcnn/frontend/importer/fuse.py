"""Passes on the integer IR that make one operation of two, exactly.

- a clamp (an `ir.Affine` that changes nothing else) goes into the operation before it;
- a sum goes into the second stage of the convolution that computes one of its operands;
- a change of scale goes there too.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwcnn import ir

_CLAMPING = ir.ConvTranspose | ir.Resize | ir.Conv | ir.Pool | ir.Eltwise | ir.Affine


def fuse(graph: ir.Graph) -> ir.Graph:
    """The graph after all passes."""
    for merge in (_clamp, _sum, _rescale):
        graph = _Pass(graph, merge).run()
    return graph


class _Pass:
    """Merges operations into earlier ones of a graph, wherever `merge` says so.

    made : tensor to the place in `ops` of the operation that gives it, -1 of an input. uses : how
    often each tensor is read, an output once more.
    """

    def __init__(self, graph: ir.Graph, merge: "Merge"):
        self.graph, self.merge = graph, merge
        self.ops: list[ir.Op] = []
        self.made = dict.fromkeys(graph.inputs, -1)
        self.uses = dict.fromkeys(graph.outputs, 1)
        for op in graph.ops:
            for name in op.inputs:
                self.uses[name] = self.uses.get(name, 0) + 1

    def run(self) -> ir.Graph:
        for op in self.graph.ops:
            merged = self.merge(self, op)
            if merged is None:
                self.made[op.y] = len(self.ops)
                self.ops.append(op)
            else:
                before, fused = merged
                self.made[op.y] = self.made[before]
                self.ops[self.made[before]] = fused
        live = {op.y for op in self.ops} | set(self.graph.inputs)
        tensors = {name: t for name, t in self.graph.tensors.items() if name in live}
        return replace(self.graph, ops=self.ops, tensors=tensors)

    def only_producer(self, name: str) -> ir.Op | None:
        """The operation that gives a tensor which is read once, and by no output."""
        at = self.made[name]
        return self.ops[at] if at >= 0 and self.uses[name] == 1 else None


#: (pass, operation) to (the tensor whose producer takes it in, that producer with it) or None.
Merge = Callable[[_Pass, ir.Op], tuple[str, ir.Op] | None]


def _clamp(run: _Pass, op: ir.Op) -> tuple[str, ir.Op] | None:
    """op -> Affine with the scale and zero point of its input: op with the Affine's clamps."""
    if not isinstance(op, ir.Affine) or not _only_clamps(op, run.graph):
        return None
    before = run.only_producer(op.x)
    if not isinstance(before, _CLAMPING):
        return None
    low, high = min(max(before.low, op.low), op.high), max(min(before.high, op.high), op.low)
    return op.x, replace(before, y=op.y, low=low, high=high)


def _only_clamps(op: ir.Affine, graph: ir.Graph) -> bool:
    x, y = graph.tensors[op.x], graph.tensors[op.y]
    return (x.scale, x.zero) == (y.scale, y.zero) and bool(
        np.all(op.mantissa == 1 << op.shift) and np.all(op.c == -x.zero << op.shift)
    )


def _sum(run: _Pass, op: ir.Op) -> tuple[str, ir.Op] | None:
    """Conv -> Eltwise add: the convolution with a residual, where its other operand exists before
    it.
    """
    if (
        not isinstance(op, ir.Eltwise)
        or op.kind != "add"
        or run.graph.tensors[op.a].shape != run.graph.tensors[op.b].shape
    ):
        return None
    a, b = (op.a, op.ma, op.ca), (op.b, op.mb, op.cb)
    for (q, mq, cq), (r, mr, cr) in ((a, b), (b, a)):
        conv = run.only_producer(q)
        if isinstance(conv, ir.Conv) and conv.second is None and run.made[q] > run.made[r]:
            c = cq * mq + cr * mr + op.c
            second = ir.Second(r, mq, mr, c, op.shift, op.zero, op.low, op.high)
            return q, replace(conv, y=op.y, second=second)
    return None


def _rescale(run: _Pass, op: ir.Op) -> tuple[str, ir.Op] | None:
    """Conv -> Affine with one multiplier for all channels: the convolution with a second stage."""
    if not isinstance(op, ir.Affine):
        return None
    conv = run.only_producer(op.x)
    if not isinstance(conv, ir.Conv) or conv.second is not None:
        return None
    if any((v != v[0]).any() for v in (op.mantissa, op.c, op.shift)):
        return None
    ma, c, shift = int(op.mantissa[0]), int(op.c[0]), int(op.shift[0])
    second = ir.Second(None, ma, 0, c, shift, op.zero, op.low, op.high)
    return op.x, replace(conv, y=op.y, second=second)
