"""How a rewrite builds its graph from another one."""

import dataclasses
from typing import Any

from hwcnn import ir


class GraphEditor:
    """Collects the operations of a new graph; its tensors are those of `graph` and derived ones."""

    def __init__(self, graph: ir.Graph):
        self.graph = graph
        self.tensors: dict[str, ir.Tensor] = dict(graph.tensors)
        self.ops: list[Any] = []

    def derive(self, name: str, suffix: str, **changes: Any) -> str:
        """The name of a new tensor that is like tensor `name` but for `changes` of its fields."""
        new = f"{name}.{suffix}"
        while new in self.tensors:
            new += "_"
        self.tensors[new] = dataclasses.replace(self.tensors[name], name=new, **changes)
        return new

    def result(self) -> ir.Graph:
        """The new graph, with inputs and outputs of the old one."""
        return dataclasses.replace(self.graph, tensors=self.tensors, ops=self.ops)
