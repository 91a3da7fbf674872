"""QDQ ONNX to the integer IR.

A walk over the nodes in order. Each name stands for one of the descriptions in `values` and
`pending`; an operation is emitted where a QuantizeLinear says in which scale its result is wanted.
Handlers of operators are in ``ops/``, in `registry.OPERATORS`. All that cannot run is reported at
once.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.model.data_movement import MOVES
from hwcnn.frontend.model.edit import infer_shapes, name_nodes
from hwcnn.frontend.model.weightless import is_placeholder, without_weights

from . import fuse, ops  # noqa: F401 (the handlers register themselves)
from .batch import with_batch
from .constants import evaluate_node
from .context import INTEGERS, Context, Value
from .expand_qlinear import expand
from .outputs import output
from .refusals import Refusal, Refused
from .registry import OPERATORS, Unsupported, attributes
from .values import Const, Host, Input, Linear, Padded, PlainConst, Table, Unknown, map_shape

_QUANTISERS = ("QuantizeLinear", "DequantizeLinear")
#: Operators that work on int8 as on its real numbers, so that they may stand without
#: DequantizeLinear.
_ON_INT8 = MOVES | {"Dropout", "MaxPool"}
_HINTS = {
    "ArgMax": ": take it out, and compare the values that it reads on the host",
    "DynamicQuantizeLinear": ": quantise statically",
    "ConvInteger": ": quantise statically (QDQ)",
    "MatMulInteger": ": quantise statically (QDQ)",
}


def import_graph(model: onnx.ModelProto, batch: int = 1, fused: bool = True) -> ir.Graph:
    """The network as integer operations, verified.

    model : QDQ ONNX with static shapes, such as `float_to_qdq.quantise` gives, or with QLinear
    operators. batch : images of every tensor; a model made for one image serves for any. fused :
    False leaves an operation for every QuantizeLinear, to compare each with onnxruntime's; the
    numbers are the same. Raises InputError; `Refused`, where nodes cannot run, lists them all.
    """
    weightless = expand(without_weights(model))
    name_nodes(weightless)
    try:
        infer_shapes(weightless)
    except (shape_inference.InferenceError, RuntimeError) as e:
        raise InputError(
            f"{model.graph.name}: shapes cannot be inferred: {' '.join(str(e).split())[:300]}"
        ) from e
    graph = _Importer(weightless, model.graph.initializer).run()
    return with_batch(fuse.fuse(graph) if fused else graph, batch).verify()


def check(model: onnx.ModelProto) -> None:
    """Raise `Refused` with every node of a float model that could not run once it is quantised."""
    if found := refusals(model):
        raise Refused(found)


def refusals(
    model: onnx.ModelProto, host: Collection[str] | None = None, dry_run: bool = True
) -> list[Refusal]:
    """The nodes that could not run.

    model : float, or QDQ with dry_run False. host : names of nodes that the host computes: what
    reads their results is judged as if these were inputs of the network, and the results of nodes
    that are refused likewise. None: nothing is, and what follows a refused node is judged only
    where that gives a map.
    """
    weightless = without_weights(model)
    name_nodes(weightless)
    return _Importer(weightless, model.graph.initializer, dry_run, host).refused()


class _Importer:
    """The walk. weightless: the model as `without_weights` gives it; initialisers: those of the
    whole model; dry_run: as in `builder.IrBuilder`; host: as in `refusals`.
    """

    def __init__(
        self,
        weightless: onnx.ModelProto,
        initialisers: Iterable[onnx.TensorProto],
        dry_run: bool = False,
        host: Collection[str] | None = None,
    ):
        self.graph = weightless.graph
        self.host = host
        self.problems: list[Refusal] = []
        self.ctx = Context(weightless.graph, dry_run)
        self.values: dict[str, Value | None] = {"": None}
        for tensor in initialisers:
            array = (
                np.broadcast_to(np.float32(0), tuple(tensor.dims))
                if is_placeholder(tensor)
                else numpy_helper.to_array(tensor)
            )
            self.values[tensor.name] = PlainConst(array)
        for value in weightless.graph.input:
            self.values.setdefault(value.name, Input(value.name, self.ctx.shapes[value.name]))
        opsets = (o.version for o in weightless.opset_import if o.domain in ("", "ai.onnx"))
        self.opset = next(opsets, 13)

    def refused(self) -> list[Refusal]:
        """What cannot run; where a host follows, also views that cannot reach it."""
        for node in self.graph.node:
            if node.name in (self.host or ()):
                self._views(node.input)
                self.values |= {name: self._as_input(name) for name in node.output if name}
            else:
                self._node(node)
        if self.host is None:
            self._outputs()
        else:
            self._views(value.name for value in self.graph.output)
        return self.problems

    def _views(self, names: Iterable[str]) -> None:
        """Note which of the values that leave the accelerator are views that it cannot give."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, Linear) and value.is_identity and value.index is not None:
                try:
                    output(self.ctx, name, value)
                except Unsupported as e:
                    self.problems.append(Refusal(name, "", str(e)))
                    self.values[name] = self._as_input(name)

    def run(self) -> ir.Graph:
        for node in self.graph.node:
            self._node(node)
        outputs, onnx_outputs = self._outputs()
        if self.problems:
            raise Refused(self.problems)
        ctx, name = self.ctx, self.graph.name or "network"
        return ir.Graph(name, ctx.tensors, ctx.ops, ctx.inputs, outputs, ctx.host, onnx_outputs)

    def _node(self, node: onnx.NodeProto) -> None:
        """Give every result of the node its value; note why it cannot run, if it cannot."""
        self.ctx.node = node.name
        dry_run = self.ctx.dry_run
        results: list[Value]
        try:
            inputs = self._inputs(node)
            if any(isinstance(i, Unknown) for i in inputs):
                if self.host is not None:
                    raise Unsupported("it reads what the host computes, which is no map")
                results = []
            elif dry_run:
                quantised = [None if i is None else self._as_quantised(node, i) for i in inputs]
                results = [self._as_quantised(node, r) for r in self._results(node, quantised)]
            else:
                results = self._results(node, inputs)
        except (Unsupported, ValueError) as e:
            self.problems.append(Refusal(node.name, node.op_type, str(e)))
            stand_in = self._stand_in if self.host is None else self._as_input
            results = [stand_in(o) for o in node.output] if dry_run or self.host is not None else []
        for i, name in enumerate(node.output):
            if name:
                self.values[name] = results[i] if i < len(results) else Unknown()

    def _inputs(self, node: onnx.NodeProto) -> list[Value | None]:
        """Of a node that has a handler, or only constants to work on; others are Unsupported."""
        if any(i not in self.values for i in node.input):
            raise Unsupported("it reads a value that no node before it computes")
        inputs = [self.values[i] for i in node.input]
        if node.domain not in ("", "ai.onnx") and node.op_type not in _QUANTISERS:
            raise Unsupported(f"the accelerator has no operators of domain {node.domain!r}")
        if node.op_type not in OPERATORS and not _is_constant(node, inputs):
            hint = _HINTS.get(node.op_type, "")
            raise Unsupported("the accelerator has no such operator" + hint)
        return inputs

    def _as_quantised(self, node: onnx.NodeProto, value: Value) -> Value:
        """The value as if a QuantizeLinear and a DequantizeLinear followed, with a scale of 1."""
        if isinstance(value, Const | Host | Padded | Unknown):
            return value
        if isinstance(value, Linear) and value.is_identity:
            return value
        try:
            made = replace(self.ctx.quantise(node.name, value, node.output[0], 1.0, 0), raw=False)
        except ValueError:
            return self._stand_in(node.output[0])
        if isinstance(value, Table) or (isinstance(value, Linear) and not value.by_channel):
            self.ctx.sources[made.tensor] = self.ctx.source(value.tensor)
        return made

    def _stand_in(self, name: str) -> Value:
        """Stands for the result of a node that was refused, so that what follows is judged too."""
        onnx_shape = self.ctx.shapes.get(name, ())
        shape = map_shape(onnx_shape)
        if shape is None or 0 in shape:
            return Unknown()
        return Linear(self.ctx.new_tensor(name, shape, 1.0, 0).name, onnx_shape)

    def _as_input(self, name: str) -> Value:
        """Stands for what the host computes, which reaches the accelerator as an input."""
        shape = self.ctx.shapes.get(name, (0,))
        kind = self.ctx.index.types.get(name)
        if 0 in shape or kind not in (onnx.TensorProto.FLOAT, *INTEGERS):
            return Unknown()
        if kind in INTEGERS:
            self.ctx.types[name] = INTEGERS[kind]
        return Input(name, shape)

    def _results(self, node: onnx.NodeProto, inputs: Sequence[Value | None]) -> list[Value]:
        if node.op_type in _QUANTISERS:
            return self._handled(node, *inputs)
        if node.op_type == "Shape" and inputs[0] is not None:
            given = attributes(node)
            shape = np.array(inputs[0].shape, np.int64)[given.get("start", 0) : given.get("end")]
            return [PlainConst(shape)]
        if _is_constant(node, inputs):
            constants = {
                name: value.array
                for name, value in zip(node.input, inputs, strict=True)
                if isinstance(value, Const)
            }
            return [PlainConst(array) for array in evaluate_node(node, constants, self.opset)]
        if any(not s for o in node.output[:1] for s in self.ctx.shapes.get(o, (0,))):
            raise Unsupported("the shape of its result is not known: fix the input's shape")
        if any(isinstance(i, Linear | Padded) and i.raw for i in inputs):
            return self._on_int8(node, *inputs)
        return self._handled(node, *inputs)

    def _on_int8(self, node: onnx.NodeProto, x: Value | None, *more: Value | None) -> list[Value]:
        """A node that reads int8 without its scales: it works on the real numbers as well."""
        if node.op_type not in _ON_INT8 or not isinstance(x, Linear | Padded):
            raise Unsupported(
                "it works on int8 without scales: a DequantizeLinear is missing before it"
            )
        source = self.ctx.tensor(x)
        results = self._handled(node, replace(x, raw=False), *more)
        return [
            self.ctx.quantise(node.name, result, name, source.scale, source.zero)
            for result, name in zip(results, node.output, strict=False)
        ]

    def _handled(self, node: onnx.NodeProto, *inputs: Value | None) -> list[Value]:
        """The node's results by its handler."""
        result = OPERATORS[node.op_type].handler(self.ctx, node, *inputs)
        return list(result) if isinstance(result, tuple) else [result]

    def _outputs(self) -> tuple[list[str], list[tuple[str, tuple[int, ...]]]]:
        """(tensor names, their ONNX names and shapes) of the network's outputs."""
        names: list[str] = []
        described: list[tuple[str, tuple[int, ...]]] = []
        for value in self.graph.output:
            if isinstance(self.values.get(value.name), Unknown):
                continue
            self.ctx.node = value.name
            try:
                tensor, shape = output(self.ctx, value.name, self.values.get(value.name))
            except Unsupported as e:
                self.problems.append(Refusal(value.name, "", str(e)))
                continue
            names.append(tensor)
            described.append((value.name, shape))
        return names, described


def _is_constant(node: onnx.NodeProto, inputs: Sequence[Value | None]) -> bool:
    """True where the result is known without running the network."""
    return all(i is None or isinstance(i, Const) for i in inputs) or node.op_type == "Shape"
