"""From a model to a network in steps: what the accelerator runs, as integer operations, and what
the host runs, in float.
"""

import difflib
import warnings
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import onnx

from hwcnn import ir
from hwcnn.errors import InputError, Note
from hwcnn.frontend.importer.expand_qlinear import expand
from hwcnn.frontend.importer.qdq_to_ir import import_graph, refusals
from hwcnn.frontend.importer.refusals import Refusal, Refused, grouped
from hwcnn.frontend.model.edit import infer_shapes, name_nodes
from hwcnn.frontend.quantise import calibrate
from hwcnn.frontend.quantise.float_to_qdq import folded_float, is_quantised, quantise_folded
from hwcnn.frontend.quantise.quantise_outputs import quantise_outputs

from .assign import FLOAT_END, Reasons, assign, computing
from .borders import read_in_float, unquantised
from .node_graph import NodeGraph
from .node_macs import node_macs
from .shape_constants import fold_shapes
from .split import Part, split

#: Share of the multiply-accumulates on the host that is worth a warning.
MUCH = 0.05


@dataclass(frozen=True)
class Network:
    """A network in steps.

    quantised : the whole as QDQ; the host's nodes in it are float, or as the user has them. parts :
    the steps, in order. graphs : of those that run on the accelerator, in order. host : the host's
    nodes with the reasons why they are. host_macs : their multiply-accumulates for a batch.
    """

    quantised: onnx.ModelProto
    parts: list[Part]
    graphs: list[ir.Graph]
    host: list[Refusal]
    host_macs: int


@dataclass(frozen=True)
class Quantisation:
    """How a float model is quantised, as in `float_to_qdq.quantise`."""

    calibration: Sequence[calibrate.Sample] | None = None
    seed: int = 0
    method: str = "minmax"
    correct_bias: bool = False


def partition(
    model: onnx.ModelProto,
    how: Quantisation = Quantisation(),
    batch: int = 1,
    host: bool = True,
    cut: Sequence[str] = (),
    nodes: Collection[str] = (),
) -> Network:
    """Quantise a model and cut it into steps.

    Parameters
    ----------
    model : as `load.load` gives it.
    how : it is quantised.
    batch : images of every tensor on the accelerator.
    host : False raises `Refused` where a node cannot run on the accelerator.
    cut : names of values; what is behind them runs on the host.
    nodes : names of nodes that run there too.

    Raises InputError; `Refused` where nothing is left that is worth running on the accelerator.
    Warns with a `Note` where much of the work is the host's.
    """
    plan = _Plan.of(model, host, cut, nodes)
    while True:
        quantised = plan.quantise(how)
        parts = split(quantised, plan.host)
        graphs, refused = _imported(parts, batch)
        if not refused:
            break
        if not (host and plan.more(refused, quantised)):
            raise Refused(refused)
    return plan.network(quantised, parts, graphs, batch)


def _imported(parts: Iterable[Part], batch: int) -> tuple[list[ir.Graph], list[Refusal]]:
    graphs: list[ir.Graph] = []
    refused: list[Refusal] = []
    for part in parts:
        if not part.on_host:
            try:
                graphs.append(import_graph(part.model, batch))
            except Refused as e:
                refused += e.refusals
    return graphs, refused


@dataclass
class _Plan:
    """What the host computes of a model. model : float and cleaned up, or QDQ. cuts : names of the
    nodes that are behind cuts. host : all nodes of the host, with the reasons.
    """

    model: onnx.ModelProto
    is_float: bool
    cuts: list[str]
    host: Reasons

    @classmethod
    def of(
        cls, model: onnx.ModelProto, host: bool, cut: Sequence[str], nodes: Collection[str]
    ) -> "_Plan":
        is_float = not is_quantised(model)
        if is_float:
            model = folded_float(model)
        plan = cls(model, is_float, _behind(NodeGraph(model), cut), {})
        found = refusals(model) if is_float else []
        if found and not host:
            raise Refused(found)
        if found or plan.cuts or nodes:
            asked = dict.fromkeys(nodes, "it was asked for")
            plan.assign(asked | dict.fromkeys(plan.cuts, "it is behind a cut"), found)
        return plan

    def assign(self, given: Reasons, found: Sequence[Refusal]) -> None:
        """Find all nodes of the host. given : some that are; found : what was refused."""
        if not self.is_float and not self.host:
            self._write_out()
        self.host = assign(self.model, not self.is_float, given)
        graph = NodeGraph(self.model)
        if any(node_macs(n, graph.index) for n in graph.nodes if n.name not in self.host):
            return
        if self.cuts:
            raise InputError("nothing worth a run of the accelerator is before it", "cut")
        why = [Refusal(n.name, n.op_type, self.host[n.name]) for n in graph.nodes]
        raise Refused(list(found) or why)

    def _write_out(self) -> None:
        """Bring a quantised model into the form that the importer gives it."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self.model)
        self.model = expand(copy)
        name_nodes(copy)
        infer_shapes(copy)
        fold_shapes(copy)

    def more(self, found: Sequence[Refusal], quantised: onnx.ModelProto) -> bool:
        """Give the host what was refused in the quantised model; False where that is nothing
        new.
        """
        if not self.is_float and not self.host:
            self.assign({}, found)
            return bool(self.host)
        graph, given = NodeGraph(quantised), dict(self.host)
        for refusal in found:
            for name in computing(graph, refusal):
                given.setdefault(name, refusal.reason)
        if len(given) == len(self.host):
            return False
        self.assign(given, found)
        return True

    def quantise(self, how: Quantisation) -> onnx.ModelProto:
        """The whole model as QDQ, in which all that leaves the accelerator is quantised."""
        if not self.is_float and not self.host:
            return quantise_outputs(self.model, how.calibration, how.seed)
        copy = onnx.ModelProto()
        copy.CopyFrom(self.model)
        if self.is_float:
            options = how.method, how.correct_bias, self.host
            copy = quantise_folded(copy, how.calibration, how.seed, *options)
            if not self.host:
                return copy
            read_in_float(copy, self.host)
        names = unquantised(copy, self.host)
        result = quantise_outputs(copy, how.calibration, how.seed, names)
        infer_shapes(result)
        return result

    def network(
        self,
        quantised: onnx.ModelProto,
        parts: list[Part],
        graphs: list[ir.Graph],
        batch: int,
    ) -> Network:
        """The outcome; warns where the host has much to do."""
        graph = NodeGraph(quantised)
        live = {name for part in parts if part.on_host for name in part.nodes}
        on_host = [n for n in graph.nodes if n.name in live]
        host = [Refusal(n.name, n.op_type, self.host[n.name]) for n in on_host]
        host += [Refusal(op.name, op.op_type, FLOAT_END) for g in graphs for op in g.host]
        macs = sum(node_macs(n, graph.index) for n in on_host) * batch // images(quantised)
        total = macs + sum(ir.macs(op, g) for g in graphs for op in g.ops)
        if macs > MUCH * total:
            heavy = {n.name for n in on_host if node_macs(n, graph.index)}
            warnings.warn(
                f"{100 * macs / total:.0f} % of the multiply-accumulates run on the host: "
                + "; ".join(grouped(r for r in host if r.node in heavy)),
                Note,
                stacklevel=2,
            )
        return Network(quantised, parts, graphs, host, macs)


def images(model: onnx.ModelProto) -> int:
    """Images that a model is made for."""
    shapes = [i.type.tensor_type.shape.dim for i in model.graph.input]
    return max([dims[0].dim_value for dims in shapes if len(dims) > 1], default=1)


def _behind(graph: NodeGraph, cut: Sequence[str]) -> list[str]:
    """Names of the nodes behind the values of those names. InputError, with the nearest names, for
    others.
    """
    values = {v: None for node in graph.nodes for v in graph.activations(node)}
    behind: set[str] = set()
    for name in cut:
        if name not in values:
            near = difflib.get_close_matches(name, values, 3, 0.4)
            hint = f": did you mean {' or '.join(near)}?" if near else ""
            raise InputError(
                f"the network has no such value once it is cleaned up{hint}", "cut", name
            )
        behind |= {node.name for node in graph.nodes if name in graph.activations(node)}
        behind -= {node.name for node in graph.nodes if name in node.output}
    for node in graph.nodes:
        if behind.intersection(graph.before[node.name]):
            behind.add(node.name)
    if cut and not behind:
        raise InputError("nothing is behind it", "cut", ", ".join(cut))
    return [node.name for node in graph.nodes if node.name in behind]
