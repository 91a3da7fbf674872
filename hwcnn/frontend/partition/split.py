"""A QDQ model cut into the steps of host and accelerator, each an ONNX model of its own.

Values pass from step to step by name, in float, dequantised where the accelerator computed them. A
step of the accelerator begins with QuantizeLinear and ends with DequantizeLinear, as a model that
is quantised as a whole does; nodes that store values stand in every step that needs them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import onnx
from onnx import helper

from .node_graph import STORES, NodeGraph, reads
from .schedule import turns


@dataclass(frozen=True)
class Part:
    """A step. on_host : else it runs on the accelerator. model : of the step alone. nodes : names
    of those that compute. inputs : of each input of the model, the value that it takes.
    """

    on_host: bool
    model: onnx.ModelProto
    nodes: tuple[str, ...]
    inputs: dict[str, str]


def split(model: onnx.ModelProto, host: Collection[str]) -> list[Part]:
    """The steps of a QDQ model, in order. host : names of the nodes that the host computes; without
    any, the model is the only step.
    """
    graph = NodeGraph(model)
    if not host:
        names = tuple(node.name for node in graph.nodes)
        return [Part(False, model, names, {i.name: i.name for i in model.graph.input})]
    order = turns(graph, host)
    parts: list[Part] = []
    wanted = set(graph.index.outputs)
    constant = sorted(wanted & graph.constants)
    for on_host, names in reversed(order):
        collector = _Collector(graph, names, on_host, host)
        collector.give(v for v in sorted(wanted) if graph.source(v) in names)
        if on_host:
            collector.give(constant)
            constant = []
        if collector.outputs:
            live = tuple(name for name in names if name in collector.taken)
            parts.append(Part(on_host, collector.model(), live, collector.inputs))
            wanted |= set(collector.inputs.values())
    return parts[::-1]


class _Collector:
    """What one step consists of: all that its outputs need. inputs : of its model, each with the
    value that it takes.
    """

    def __init__(
        self, graph: NodeGraph, names: Iterable[str], on_host: bool, host: Collection[str]
    ):
        self.graph, self.names, self.on_host, self.host = graph, set(names), on_host, host
        self.taken: set[str] = set()
        self.outputs: list[str] = []
        self.inputs: dict[str, str] = {}
        self.initialisers: set[str] = set()

    def take(self, node: onnx.NodeProto) -> None:
        """Add a node and all that it needs."""
        if node.name not in self.taken:
            self.taken.add(node.name)
            for value in reads(node):
                self.need(value)

    def need(self, value: str) -> None:
        """Add what gives a value in this step: nodes, a constant, or an input."""
        node = self.graph.index.producers.get(value)
        if value in self.graph.index.constants:
            self.initialisers.add(value)
        elif node is None:
            self.inputs[value] = value
        elif value in self.graph.constants or node.name in self.names:
            self.take(node)
        elif node.op_type in STORES and not (self.on_host and self._of_accelerator(value)):
            if node.op_type == "QuantizeLinear" and self._of_another_run(value):
                self._requantise(node)
            else:
                self.take(node)
        else:
            self.inputs[value] = value

    def _of_accelerator(self, value: str) -> bool:
        source = self.graph.source(value)
        return source is not None and source not in self.host

    def _of_another_run(self, value: str) -> bool:
        return self._of_accelerator(value) and self.graph.source(value) not in self.names

    def _requantise(self, node: onnx.NodeProto) -> None:
        """Take a value that another run has quantised: int8, dequantised and quantised again, is
        the same.
        """
        if self.graph.index.producers[node.input[0]].op_type in STORES:
            self.take(node)
            return
        real = next(
            n.output[0]
            for n in self.graph.index.readers[node.output[0]]
            if n.op_type == "DequantizeLinear"
        )
        self.inputs[node.input[0]] = real
        self.taken.add(node.name)
        for name in node.input[1:]:
            self.need(name)

    def give(self, values: Iterable[str]) -> None:
        """Make values outputs of the step's model."""
        for value in values:
            self.need(value)
            self.outputs.append(value)

    def model(self) -> onnx.ModelProto:
        whole, graph = self.graph.model, self.graph.model.graph
        result = onnx.ModelProto(ir_version=whole.ir_version, producer_name=whole.producer_name)
        result.opset_import.extend(whole.opset_import)
        result.functions.extend(whole.functions)
        result.graph.name = graph.name or "network"
        result.graph.node.extend(n for n in graph.node if n.name in self.taken)
        result.graph.initializer.extend(t for t in graph.initializer if t.name in self.initialisers)
        result.graph.input.extend(self._described(name) for name in self.inputs)
        result.graph.output.extend(self._described(name) for name in self.outputs)
        inside = {name for n in result.graph.node for name in n.output} - set(self.outputs)
        result.graph.value_info.extend(v for v in graph.value_info if v.name in inside)
        return result

    def _described(self, name: str) -> onnx.ValueInfoProto:
        """Type and shape of a value; a dimension that is not known gets a name of its own."""
        index = self.graph.index
        if name in index.descriptions:
            return index.descriptions[name]
        kind = onnx.TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, index.shapes.get(name) or None)
