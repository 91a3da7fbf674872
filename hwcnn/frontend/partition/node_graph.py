"""The nodes of an ONNX graph that compute something, and which of them feed each other."""

from collections.abc import Iterator
from functools import cached_property

import onnx

from hwcnn.frontend.model.onnx_index import OnnxIndex

#: Operators that only change how a value is stored; they go with the nodes around them.
STORES = {"QuantizeLinear", "DequantizeLinear"}


def reads(node: onnx.NodeProto) -> Iterator[str]:
    """Names of the values that a node reads; the outer ones that its subgraphs read too."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            own = {v.name for v in [*graph.input, *graph.initializer]}
            for inner in graph.node:
                yield from (name for name in reads(inner) if name not in own)
                own |= set(inner.output)
            yield from (o.name for o in graph.output if o.name not in own)


class NodeGraph:
    """An index of a model whose nodes have unique names.

    constants : names of the values that are known without an input: initialisers, and what follows
    from them. nodes : the others that compute, in order: neither constant nor of `STORES`.
    """

    def __init__(self, model: onnx.ModelProto):
        self.model = model
        self.index = OnnxIndex(model.graph)
        self.constants = {""} | set(self.index.constants)
        self.nodes: list[onnx.NodeProto] = []
        for node in model.graph.node:
            if not node.op_type.startswith("Random") and self.constants.issuperset(reads(node)):
                self.constants |= set(node.output)
            elif node.op_type not in STORES:
                self.nodes.append(node)
        self.by_name = {node.name: node for node in self.nodes}

    def source(self, value: str) -> str | None:
        """Name of the node that computes a value, past QuantizeLinear and DequantizeLinear; None of
        an input or a constant.
        """
        while (node := self.index.producers.get(value)) is not None:
            if value in self.constants:
                return None
            if node.op_type not in STORES:
                return node.name
            value = node.input[0]
        return None

    @cached_property
    def before(self) -> dict[str, list[str]]:
        """Node to the nodes that it reads from."""
        return {
            node.name: list(
                dict.fromkeys(s for v in reads(node) if (s := self.source(v)) is not None)
            )
            for node in self.nodes
        }

    @cached_property
    def after(self) -> dict[str, list[str]]:
        """Node to the nodes that read from it."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for name, sources in self.before.items():
            for source in sources:
                found[source].append(name)
        return found

    def activations(self, node: onnx.NodeProto) -> list[str]:
        """Names of the values that a node reads or gives and that are no constants."""
        return [v for v in [*reads(node), *node.output] if v not in self.constants]
