"""QDQ ONNX to the integer IR.

A walk over the nodes in order. Each name stands for one of the descriptions in `values`; an
operation is emitted where a QuantizeLinear says in which scale its result is wanted. Handlers of
operators are in ``ops/``, in `registry.OPERATORS`. All that cannot run is reported at once.
"""

from dataclasses import replace

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.model.edit import infer_shapes, name_nodes
from hwcnn.frontend.model.weightless import is_placeholder, without_weights

from . import fuse, ops  # noqa: F401 (the handlers register themselves)
from .context import Context
from .expand_qlinear import expand
from .outputs import output
from .registry import OPERATORS, Unsupported, attributes
from .values import Const, Host, Input, Linear, Padded, Unknown, map_shape

_QUANTISERS = ("QuantizeLinear", "DequantizeLinear")
#: Operators that work on int8 as on its real numbers, so that they may stand without
#: DequantizeLinear.
_ON_INT8 = {
    *(
        "DepthToSpace",
        "Dropout",
        "Flatten",
        "Gather",
        "Identity",
        "MaxPool",
        "Reshape",
        "Slice",
        "SpaceToDepth",
        "Split",
    ),
    *("Squeeze", "Transpose", "Unsqueeze"),
}


def import_graph(model, batch=1, fused=True):
    """The network as an `ir.Graph`, verified.

    model : QDQ ONNX with static shapes, such as `quantise.quantise` gives, or with QLinear
    operators.
    batch : images of every tensor; a model made for one image serves for any. fused : False leaves
    an operation for
        every QuantizeLinear, to compare each with onnxruntime's; the numbers are the same.
    Raises InputError that lists every node that cannot run.
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


def check(model):
    """Raise InputError that lists every node of a float model that could not run once it is
    quantised.
    """
    weightless = without_weights(model)
    name_nodes(weightless)
    _Importer(weightless, weightless.graph.initializer, dry_run=True).run()


def with_batch(graph, batch):
    """The graph with `batch` images in every tensor. Raises InputError where it has another number
    than 1 already.
    """
    sizes = {t.shape[0] for t in graph.tensors.values()}
    if sizes == {batch} or batch == 1:
        return graph
    if sizes != {1}:
        raise InputError(
            f"{graph.name}: the model is made for a batch of {max(sizes)}, it cannot run with {batch}"
        )
    tensors = {n: replace(t, shape=(batch, *t.shape[1:])) for n, t in graph.tensors.items()}
    if any(len(shape) < 2 for _, shape in graph.onnx_outputs):
        raise InputError(f"{graph.name}: an output has no dimension for the batch")
    outputs = [(name, (batch, *shape[1:])) for name, shape in graph.onnx_outputs]
    return replace(graph, tensors=tensors, onnx_outputs=outputs)


class _Importer:
    """weightless: the model as `without_weights` gives it; initializers: those of the whole model."""

    def __init__(self, weightless, initializers, dry_run=False):
        self.graph = weightless.graph
        self.problems = []
        self.values = {"": None}
        for tensor in initializers:
            self.values[tensor.name] = Const(
                np.broadcast_to(np.float32(0), tuple(tensor.dims))
                if is_placeholder(tensor)
                else numpy_helper.to_array(tensor)
            )
        self.ctx = Context(weightless.graph, dry_run)
        for value in weightless.graph.input:
            self.values.setdefault(value.name, Input(value.name, self.ctx.shapes[value.name]))
        self.opset = next(
            (o.version for o in weightless.opset_import if o.domain in ("", "ai.onnx")), 13
        )

    def run(self):
        for node in self.graph.node:
            self._node(node)
        outputs, onnx_outputs = self._outputs()
        if self.problems:
            raise InputError(
                f"{len(self.problems)} node(s) cannot run on the accelerator: "
                + "; ".join(self.problems)
            )
        ctx = self.ctx
        return ir.Graph(
            self.graph.name or "network",
            ctx.tensors,
            ctx.ops,
            ctx.inputs,
            outputs,
            ctx.host,
            onnx_outputs,
        )

    def _node(self, node):
        self.ctx.node = node.name
        try:
            if any(i not in self.values for i in node.input):
                raise Unsupported("it reads a value that no node before it computes")
            inputs = [self.values[i] for i in node.input]
            if node.domain not in ("", "ai.onnx") and node.op_type not in _QUANTISERS:
                raise Unsupported(f"the accelerator has no operators of domain {node.domain!r}")
            if node.op_type not in OPERATORS and not self._constant(node, inputs):
                raise Unsupported(
                    "the accelerator has no such operator" + _HINTS.get(node.op_type, "")
                )
            if any(isinstance(i, Unknown) for i in inputs):
                values = [Unknown()]
            elif self.ctx.dry_run:
                values = [
                    self._as_quantised(node, value)
                    for value in self._values(node, [self._as_quantised(node, i) for i in inputs])
                ]
            else:
                values = self._values(node, inputs)
        except (Unsupported, ValueError) as e:
            self.problems.append(f"{node.name} ({node.op_type}): {e}")
            values = [self._stand_in(o) if self.ctx.dry_run else Unknown() for o in node.output]
        for name, value in zip(
            node.output, list(values) + [Unknown()] * len(node.output), strict=False
        ):
            if name:
                self.values[name] = value

    def _as_quantised(self, node, value):
        """The value as if a QuantizeLinear and a DequantizeLinear followed, with a scale of 1."""
        if (
            value is None
            or isinstance(value, Const | Host | Padded)
            or (isinstance(value, Linear) and value.is_identity)
        ):
            return value
        try:
            return replace(self.ctx.quantise(node.name, value, node.output[0], 1.0, 0), raw=False)
        except ValueError:
            return self._stand_in(node.output[0])

    def _stand_in(self, name):
        """Stands for the result of a node that was refused, so that what follows is judged too."""
        shape = tuple(self.ctx.shapes.get(name, ()))
        if map_shape(shape) is None or 0 in shape:
            return Unknown()
        return Linear(self.ctx.new_tensor(name, map_shape(shape), 1.0, 0).name, shape)

    def _constant(self, node, inputs):
        return all(i is None or isinstance(i, Const) for i in inputs) or node.op_type == "Shape"

    def _values(self, node, inputs):
        if node.op_type in _QUANTISERS:
            return [OPERATORS[node.op_type].handler(self.ctx, node, *inputs)]
        if node.op_type == "Shape":
            part = attributes(node)
            return [
                Const(np.array(inputs[0].shape, np.int64)[part.get("start", 0) : part.get("end")])
            ]
        if self._constant(node, inputs):
            return self._fold(node, inputs)
        if any(not s for o in node.output[:1] for s in self.ctx.shapes.get(o, (0,))):
            raise Unsupported("the shape of its result is not known: fix the input's shape")
        raw = [isinstance(i, Linear | Padded) and i.raw for i in inputs]
        if any(raw):
            if node.op_type not in _ON_INT8:
                raise Unsupported(
                    "it works on int8 without scales: a DequantizeLinear is missing before it"
                )
            source = self.ctx.tensor(inputs[0])
            results = self._handled(node, replace(inputs[0], raw=False), *inputs[1:])
            return [
                self.ctx.quantise(node.name, result, name, source.scale, source.zero)
                for result, name in zip(results, node.output, strict=False)
            ]
        return self._handled(node, *inputs)

    def _handled(self, node, *inputs):
        """The node's results as a list."""
        result = OPERATORS[node.op_type].handler(self.ctx, node, *inputs)
        return list(result) if isinstance(result, tuple) else [result]

    def _fold(self, node, inputs):
        """A node on constants only, by ONNX's reference implementation."""
        names = [n for n in node.input if n]
        graph = onnx.helper.make_graph(
            [node],
            "constant",
            [onnx.helper.make_tensor_value_info(n, 0, None) for n in dict.fromkeys(names)],
            [onnx.helper.make_tensor_value_info(o, 0, None) for o in node.output if o],
        )
        model = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", self.opset)]
        )
        try:
            results = ReferenceEvaluator(model).run(None, {n: self.values[n].array for n in names})
        except Exception as e:  # the reference raises whatever the operator's code does
            raise Unsupported(f"it cannot be evaluated: {' '.join(str(e).split())[:120]}") from e
        return [Const(np.asarray(r)) for r in results]

    def _outputs(self):
        """(tensor names, their ONNX names and shapes) of the network's outputs."""
        names, described = [], []
        for value in self.graph.output:
            if isinstance(self.values.get(value.name), Unknown):
                continue
            self.ctx.node = value.name
            try:
                tensor, shape = output(self.ctx, value.name, self.values.get(value.name))
            except Unsupported as e:
                self.problems.append(f"output {value.name!r}: {e}")
                continue
            names.append(tensor)
            described.append((value.name, shape))
        return names, described


_HINTS = {
    "ArgMax": ": take it out, and compare the values that it reads on the host",
    "DynamicQuantizeLinear": ": quantise statically",
    "ConvInteger": ": quantise statically (QDQ)",
    "MatMulInteger": ": quantise statically (QDQ)",
}
