"""Which nodes the host computes, and why.

What the accelerator refuses; what is behind a cut; and of the rest what is not worth a run of its
own: nodes without multiply-accumulates between host nodes, and data movement to or from them.
"""

from collections.abc import Collection, Mapping

import onnx
from onnx import TensorProto

from hwcnn.frontend.importer.qdq_to_ir import refusals
from hwcnn.frontend.importer.refusals import Refusal
from hwcnn.frontend.model.data_movement import MOVES
from hwcnn.frontend.quantise.host_tail import HOST_OPERATORS

from .node_graph import STORES, NodeGraph
from .node_macs import node_macs
from .schedule import turns

#: Least share of a network's multiply-accumulates that is worth a run of the accelerator.
WORTH = 0.001
_MOVES = MOVES | {"Cast", "Concat"}
_MAPS = {TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8}
#: Why what `HOST_OPERATORS` holds runs on the host.
FLOAT_END = "in integers it would lose accuracy and gain nothing"
#: Data movement after which channels, rows and columns are others.
_TURNS = {"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}
#: Why it runs on the host where a layer could not read its result otherwise.
TURNED = "data movement that a layer cannot read from the accelerator"
#: Node to the reason why the host computes it.
Reasons = dict[str, str]


def assign(model: onnx.ModelProto, quantised: bool, given: Reasons) -> Reasons:
    """The nodes that the host computes.

    model : float, or QDQ where `quantised`; its nodes are named and its shapes inferred. given :
    nodes that go there in any case.
    """
    graph = NodeGraph(model)
    host, types = dict(given), graph.index.types
    for node in graph.nodes:
        if node.op_type in HOST_OPERATORS:
            host.setdefault(node.name, FLOAT_END)
    before = None
    while before != len(host):
        before = len(host)
        refused: Reasons = {}
        for refusal in refusals(model, host, dry_run=not quantised):
            for name in computing(graph, refusal):
                refused.setdefault(name, refusal.reason)
        turned = {m: TURNED for n in refused for m in _turning(graph, n, host)}
        host |= turned
        if turned:
            continue
        host |= {n: why for n, why in refused.items() if not _moved(graph, n, {*host, *refused})}
        for node in graph.nodes:
            if not {types.get(v) or TensorProto.FLOAT for v in graph.activations(node)} <= _MAPS:
                host.setdefault(node.name, "it computes with other types than float32")
        _movement(graph, host)
        _not_worth_a_run(graph, host)
        if before == len(host):
            host |= refused
        _movement(graph, host)
    return {node.name: host[node.name] for node in graph.nodes if node.name in host}


def _turning(graph: NodeGraph, name: str, host: Collection[str]) -> list[str]:
    """Of a refused node with multiply-accumulates, the data movement right before it: with that on
    the host, it may run.
    """
    if not node_macs(graph.by_name[name], graph.index):
        return []
    return [m for m in graph.before[name] if m not in host and graph.by_name[m].op_type in _TURNS]


def _moved(graph: NodeGraph, name: str, host: Collection[str]) -> bool:
    """True of a node with multiply-accumulates that reads what the host computes past data
    movement: it is judged again once that is the host's too.
    """
    if not node_macs(graph.by_name[name], graph.index):
        return False
    left = [m for m in graph.before[name] if _moves(graph, m, host)]
    seen = set(left)
    while left:
        for source in graph.before[left.pop()]:
            if source in host:
                return True
            if source not in seen and _moves(graph, source, host):
                seen.add(source)
                left.append(source)
    return False


def _moves(graph: NodeGraph, name: str, host: Collection[str]) -> bool:
    return name not in host and graph.by_name[name].op_type in _MOVES


def computing(graph: NodeGraph, refusal: Refusal) -> list[str]:
    """The node that is refused, or that gives the output; for one that only stores a value, the
    nodes that compute that value from others that are stored.
    """
    name = refusal.node if refusal.op else graph.source(refusal.node)
    if name is None:
        return []
    if name in graph.by_name:
        return [name]
    node = next(n for n in graph.model.graph.node if n.name == name)
    found: list[str] = []
    values = list(node.input[:1])
    while values:
        producer = graph.index.producers.get(values.pop())
        if producer is not None and producer.name in graph.by_name:
            found.append(producer.name)
            values += producer.input if node.op_type == "QuantizeLinear" else ()
        elif producer is not None and node.op_type == "DequantizeLinear":
            values += producer.input[:1]
    if not found:  # an input is stored so: whoever reads it cannot run
        found = [n for n in graph.by_name if _stored_by(graph, n, node)]
    return found


def _stored_by(graph: NodeGraph, name: str, store: onnx.NodeProto) -> bool:
    """True where a node reads what `store` gives, past other nodes of that kind."""
    for value in graph.by_name[name].input:
        producer = graph.index.producers.get(value)
        while producer is not None and producer.op_type in STORES:
            if producer.name == store.name:
                return True
            producer = graph.index.producers.get(producer.input[0])
    return False


def _not_worth_a_run(graph: NodeGraph, host: Reasons) -> None:
    """Add what has no multiply-accumulates between host nodes, and runs with too few."""
    macs = {node.name: node_macs(node, graph.index) for node in graph.nodes}
    least = WORTH * sum(macs.values())
    for on_host, names in turns(graph, host):
        if on_host:
            continue
        if sum(macs[name] for name in names) <= least:
            reason = "too few multiply-accumulates for a run of the accelerator"
            host |= dict.fromkeys(names, reason)
            continue
        for group in _connected(graph, names):
            if not any(macs[name] for name in group):
                host |= dict.fromkeys(group, "no multiply-accumulates between the host's nodes")


def _connected(graph: NodeGraph, names: list[str]) -> list[list[str]]:
    """Nodes that feed each other, directly or through others of them."""
    root = {name: name for name in names}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for name in names:
        for source in graph.before[name]:
            if source in root:
                root[find(name)] = find(source)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(find(name), []).append(name)
    return list(groups.values())


def _movement(graph: NodeGraph, host: Reasons) -> None:
    """Add data movement that only host nodes read, or that reads only what the host computes."""
    outputs = {graph.source(name) for name in graph.index.outputs}

    def add(node: onnx.NodeProto, around: Mapping[str, list[str]]) -> None:
        others = around[node.name]
        if node.op_type in _MOVES and others and all(name in host for name in others):
            host.setdefault(node.name, "data movement for the host")

    for node in reversed(graph.nodes):
        if node.name not in outputs:
            add(node, graph.after)
    for node in graph.nodes:
        add(node, graph.before)
