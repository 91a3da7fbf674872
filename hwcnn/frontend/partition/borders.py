"""Values that pass between host and accelerator in a QDQ model.

The accelerator can only give int8, so what leaves it comes from a DequantizeLinear. The host
computes in float, so its nodes read each other's results as they are.
"""

from collections.abc import Collection

import onnx

from .node_graph import NodeGraph, reads
from .schedule import turns


def unquantised(model: onnx.ModelProto, host: Collection[str]) -> list[str]:
    """Names of the float values that leave the accelerator without a QuantizeLinear."""
    graph = NodeGraph(model)
    step = {name: number for number, (_, names) in enumerate(turns(graph, host)) for name in names}
    made = {o: n.name for n in graph.nodes if n.name not in host for o in n.output if o}
    found = [name for name in graph.index.outputs if name in made]
    for node in graph.nodes:
        found += [v for v in reads(node) if v in made and step[made[v]] != step[node.name]]
    floats = (onnx.TensorProto.FLOAT, 0)
    return [v for v in dict.fromkeys(found) if graph.index.types.get(v, 0) in floats]


def read_in_float(model: onnx.ModelProto, host: Collection[str]) -> None:
    """Let host nodes, and outputs, have the host's results and the network's inputs before their
    QuantizeLinear, in place. host : names of the nodes that the host computes.
    """
    graph = NodeGraph(model)
    inputs = {i.name for i in model.graph.input}

    def real(value: str) -> str:
        """What a value was before it was quantised, if the host has it."""
        stored = value
        for op_type in ("DequantizeLinear", "QuantizeLinear"):
            node = graph.index.producers.get(stored)
            if node is None or node.op_type != op_type or stored in graph.constants:
                return value
            stored = node.input[0]
        return stored if stored in inputs or graph.source(stored) in host else value

    for node in graph.nodes:
        if node.name in host:
            for i, name in enumerate(node.input):
                node.input[i] = real(name)
    for name in sorted(graph.index.outputs):
        if (before := real(name)) not in (name, *inputs, *graph.index.outputs):
            _swap(model.graph, name, before)


def _swap(graph: onnx.GraphProto, first: str, second: str) -> None:
    """Exchange the names of two values."""
    other = {first: second, second: first}
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = other.get(name, name)
