"""How a rewrite builds its graph from another one."""

import dataclasses

from hwcnn import ir


class GraphEditor:
    """Collects the operations of a new graph; its tensors are those of `graph` and derived ones."""

    def __init__(self, graph: ir.Graph):
        self.graph = graph
        self.tensors: dict[str, ir.Tensor] = dict(graph.tensors)
        self.ops: list[ir.Op] = []

    def derive(self, name: str, suffix: str, shape: tuple[int, int, int, int] | None = None) -> str:
        """The name of a new tensor that is like tensor `name`, but of another shape if one is
        given.
        """
        new = f"{name}.{suffix}"
        while new in self.tensors:
            new += "_"
        old = self.tensors[name]
        self.tensors[new] = dataclasses.replace(old, name=new, shape=shape or old.shape)
        return new

    def result(self) -> ir.Graph:
        """The new graph, with inputs and outputs of the old one."""
        return dataclasses.replace(self.graph, tensors=self.tensors, ops=self.ops)
