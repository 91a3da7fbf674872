"""QDQ ONNX to the integer IR.

A walk over the nodes in order. Each name stands for one of the descriptions in `values`; an operation is emitted where a
QuantizeLinear says in which scale its result is wanted. Handlers of operators are in ``ops_*.py``, in `registry.OPERATORS`.
All that cannot run is reported at once.
"""

from dataclasses import replace

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from .. import ir
from ..errors import InputError
from . import fuse, ops_conv, ops_elementwise, ops_layout, ops_norm, ops_pool, ops_tail, ops_unary  # noqa: F401 (they register)
from .context import Context
from .light import is_stub, light
from .prepare import infer_shapes, name_nodes
from .qlinear import MARK, expand
from .registry import OPERATORS, Unsupported, attributes
from .values import Const, Host, Input, Linear, Padded, Unknown, along, map_shape

#: Operators that work on int8 as on its real numbers, so that they may stand without DequantizeLinear.
_ON_INT8 = {"MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Dropout"}


def import_graph(model, batch=1, fused=True):
    """The network as an `ir.Graph`, verified.

    model : QDQ ONNX with static shapes, such as `quantise.quantise` gives, or with QLinear operators.
    batch : images of every tensor; a model made for one image serves for any. fused : False leaves an operation for every
    QuantizeLinear, to compare each with onnxruntime's; the numbers are the same.
    Raises InputError that lists every node that cannot run.
    """
    lean = expand(light(model))
    name_nodes(lean)
    try:
        infer_shapes(lean)
    except (shape_inference.InferenceError, RuntimeError) as e:
        raise InputError(f"{model.graph.name}: shapes cannot be inferred: {' '.join(str(e).split())[:300]}") from e
    graph = _Importer(lean, model.graph.initializer).run()
    return with_batch(fuse.fuse(graph) if fused else graph, batch).verify()


def check(model):
    """Raise InputError that lists every node of a float model that could not run once it is quantised."""
    lean = light(model)
    name_nodes(lean)
    _Importer(lean, lean.graph.initializer, dry=True).run()


def with_batch(graph, batch):
    """The graph with every tensor's first dimension set to `batch`. Raises InputError where it has another than 1 already."""
    sizes = {t.shape[0] for t in graph.tensors.values()}
    if sizes == {batch} or batch == 1:
        return graph
    if sizes != {1}:
        raise InputError(f"{graph.name}: the model is made for a batch of {max(sizes)}, it cannot run with {batch}")
    tensors = {n: replace(t, shape=(batch, *t.shape[1:])) for n, t in graph.tensors.items()}
    if any(len(shape) < 2 for _, shape in graph.onnx_outputs):
        raise InputError(f"{graph.name}: an output has no dimension for the batch")
    outputs = [(name, (batch, *shape[1:])) for name, shape in graph.onnx_outputs]
    return replace(graph, tensors=tensors, onnx_outputs=outputs)


class _Importer:
    """lean: the model as `light.light` gives it; initializers: those of the whole model."""

    def __init__(self, lean, initializers, dry=False):
        self.graph = lean.graph
        self.problems = []
        self.env = {"": None}
        for tensor in initializers:
            self.env[tensor.name] = Const(np.broadcast_to(np.float32(0), tuple(tensor.dims)) if is_stub(tensor) else
                                          numpy_helper.to_array(tensor))
        shapes = {}
        for value in [*self.graph.value_info, *self.graph.input, *self.graph.output]:
            shapes[value.name] = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in self.graph.input:
            if value.name not in self.env:
                self.env[value.name] = Input(value.name, shapes[value.name])
        self.ctx = Context(shapes, dry)
        self.opset = next((o.version for o in lean.opset_import if o.domain in ("", "ai.onnx")), 13)

    def run(self):
        for node in self.graph.node:
            self._node(node)
        outputs, onnx_outputs = self._outputs()
        if self.problems:
            raise InputError(f"{len(self.problems)} node(s) cannot run on the accelerator: " + "; ".join(self.problems))
        ctx = self.ctx
        return ir.Graph(self.graph.name or "network", ctx.tensors, ctx.ops, ctx.inputs, outputs, ctx.host, onnx_outputs)

    def _node(self, node):
        try:
            if any(i not in self.env for i in node.input):
                raise Unsupported("it reads a value that no node before it computes")
            inputs = [self.env[i] for i in node.input]
            if node.domain not in ("", "ai.onnx") and node.op_type not in _SPECIAL:
                raise Unsupported(f"the accelerator has no operators of domain {node.domain!r}")
            if node.op_type not in OPERATORS and node.op_type not in _SPECIAL and not self._constant(node, inputs):
                raise Unsupported("the accelerator has no such operator" + _HINTS.get(node.op_type, ""))
            if any(isinstance(i, Unknown) for i in inputs):
                values = [Unknown()]
            elif self.ctx.dry:
                values = [self._tried(node, value) for value in self._values(node, [self._tried(node, i) for i in inputs])]
            else:
                values = self._values(node, inputs)
        except (Unsupported, ValueError) as e:
            self.problems.append(f"{node.name} ({node.op_type}): {e}")
            values = [self._assumed(o) if self.ctx.dry else Unknown() for o in node.output]
        for name, value in zip(node.output, list(values) + [Unknown()] * len(node.output), strict=False):
            if name:
                self.env[name] = value

    def _tried(self, node, value):
        """The value as if a QuantizeLinear and a DequantizeLinear followed, with a scale of 1."""
        if value is None or isinstance(value, Const | Host | Padded) or isinstance(value, Linear) and value.plain:
            return value
        try:
            return replace(self.ctx.quantise(node.name, value, node.output[0], 1.0, 0), raw=False)
        except ValueError:
            return self._assumed(node.output[0])

    def _assumed(self, name):
        """Stands for the result of a node that was refused, so that what follows is judged too."""
        shape = tuple(self.ctx.shapes.get(name, ()))
        if map_shape(shape) is None or 0 in shape:
            return Unknown()
        return Linear(self.ctx.new_tensor(name, map_shape(shape), 1.0, 0).name, shape)

    def _constant(self, node, inputs):
        return all(i is None or isinstance(i, Const) for i in inputs) or node.op_type == "Shape"

    def _values(self, node, inputs):
        if node.op_type in _SPECIAL:
            return [_SPECIAL[node.op_type](self, node, *inputs)]
        if node.op_type == "Shape":
            return [Const(np.array(inputs[0].shape, np.int64))]
        if self._constant(node, inputs):
            return self._fold(node, inputs)
        if any(not s for o in node.output[:1] for s in self.ctx.shapes.get(o, (0,))):
            raise Unsupported("the shape of its result is not known: fix the input's shape")
        raw = [isinstance(i, Linear | Padded) and i.raw for i in inputs]
        if any(raw):
            if node.op_type not in _ON_INT8:
                raise Unsupported("it works on int8 without scales: a DequantizeLinear is missing before it")
            source = self.ctx.tensor(inputs[0])
            result = OPERATORS[node.op_type].handler(self.ctx, node, replace(inputs[0], raw=False), *inputs[1:])
            return [self.ctx.quantise(node.name, result, node.output[0], source.scale, source.zero)]
        return [OPERATORS[node.op_type].handler(self.ctx, node, *inputs)]

    def _fold(self, node, inputs):
        """A node on constants only, by ONNX's reference implementation."""
        names = [n for n in node.input if n]
        graph = onnx.helper.make_graph([node], "constant", [onnx.helper.make_tensor_value_info(n, 0, None) for n in dict.fromkeys(names)],
                                       [onnx.helper.make_tensor_value_info(o, 0, None) for o in node.output if o])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", self.opset)])
        try:
            results = ReferenceEvaluator(model).run(None, {n: self.env[n].array for n in names})
        except Exception as e:  # the reference raises whatever the operator's code does
            raise Unsupported(f"it cannot be evaluated: {' '.join(str(e).split())[:120]}") from e
        return [Const(np.asarray(r)) for r in results]

    def quantise(self, node, x, scale, zero=None):
        if isinstance(x, Host):
            raise Unsupported("it quantises what the host computes")
        scales, zeros, shift = self._parameters(node, scale, zero)
        if isinstance(x, Const):
            return _quantised_const(node, x, scales, zeros, shift)
        if scales.size != 1:
            raise Unsupported("a scale for each channel of a map: only weights can have that")
        name = node.output[0] if node.input[0].endswith(MARK) or node.input[0] in self.ctx.tensors else node.input[0]
        producer = self.producers.get(node.input[0], node.name)
        return self.ctx.quantise(producer, x, name, float(scales.item()), int(zeros.item()) - shift)

    def dequantise(self, node, x, scale, zero=None):
        scales, zeros, shift = self._parameters(node, scale, zero, x)
        axis = attributes(node).get("axis", 1)
        if isinstance(x, Const):
            q = x.array - along(zeros, axis, x.array.ndim) if zeros.any() else x.array
            return Const(None, q, scales.reshape(-1), axis)
        if scales.size != 1:
            raise Unsupported("a scale for each channel of a map: only weights can have that")
        scale, zero = float(scales.item()), int(zeros.item()) - shift
        if isinstance(x, Input):
            return replace(self.ctx.quantise(node.name, x, x.name, scale, zero), raw=False)
        if not isinstance(x, Linear | Padded) or not x.raw:
            raise Unsupported("it dequantises a value that no QuantizeLinear made")
        tensor = self.ctx.tensor(x)
        x = replace(x, raw=False)
        if (tensor.scale, tensor.zero) == (scale, zero):
            return x
        if isinstance(x, Padded):
            raise Unsupported("it dequantises a padded map with another scale")
        return replace(x, mul=scale / tensor.scale, add=scale * (tensor.zero - zero))

    def _parameters(self, node, scale, zero, x=None):
        """Scales, zero points, and what to take off uint8 values to make them int8."""
        if not isinstance(scale, Const) or not (zero is None or isinstance(zero, Const)):
            raise Unsupported("its scale is computed at run time (dynamic quantisation): quantise statically")
        if attributes(node).get("block_size", 0):
            raise Unsupported("block-wise quantisation")
        kind = zero.array.dtype if zero is not None else x.array.dtype if isinstance(x, Const) else np.dtype(np.uint8)
        if zero is None and not isinstance(x, Const):
            kind = np.dtype({2: np.uint8, 3: np.int8}.get(attributes(node).get("output_dtype", 2), np.uint8))
            if node.op_type == "DequantizeLinear":
                kind = self.types.get(node.input[0], np.dtype(np.uint8))
        allowed = (np.int8, np.uint8, np.int32) if isinstance(x, Const) else (np.int8, np.uint8)
        if kind not in [np.dtype(a) for a in allowed]:
            raise Unsupported(f"type {kind}: only int8 and uint8 are supported")
        scales = np.asarray(scale.array, np.float32)
        if not (np.isfinite(scales) & (scales > 0)).all():
            raise Unsupported("a scale that is not positive")
        zeros = np.zeros(scales.shape, np.int64) if zero is None else zero.array.astype(np.int64)
        self.types[node.output[0]] = kind
        return scales, zeros, 128 if kind == np.uint8 and not isinstance(x, Const) else 0

    @property
    def producers(self):
        if not hasattr(self, "_producers"):
            self._producers = {o: n.name for n in self.graph.node for o in n.output}
        return self._producers

    @property
    def types(self):
        if not hasattr(self, "_types"):
            self._types = {}
            for value in self.graph.input:
                kind = value.type.tensor_type.elem_type
                if kind in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8):
                    self._types[value.name] = np.dtype(np.int8 if kind == onnx.TensorProto.INT8 else np.uint8)
        return self._types

    def _outputs(self):
        names, described = [], []
        for output in self.graph.output:
            value = self.env.get(output.name)
            if isinstance(value, Unknown):
                continue
            if isinstance(value, Host):
                value = self._host_output(output.name, value)
            if isinstance(value, Host) or isinstance(value, Linear) and value.plain and value.index is None:
                names.append(value.tensor)
                described.append((output.name, tuple(value.shape)))
                continue
            if isinstance(value, Unknown):
                continue
            why = "it is not quantised: a QuantizeLinear is missing before it"
            if isinstance(value, Linear) and value.index is not None:
                why = "its layout was changed by a Transpose: take the map before it"
            if isinstance(value, Const):
                why = "it is a constant"
            self.problems.append(f"output {output.name!r}: {why}")
        return names, described


    def _host_output(self, name, value):
        """A value of the host as the output `name`: the last of its operations under that name, in the output's shape."""
        op = next(op for op in self.ctx.host if op.y == value.at)
        if name == op.y:
            return value
        shape, axis = self.ctx.shapes[op.y], op.attributes["axis"]
        moved = [i for i, n in enumerate(value.shape)
                 if n == shape[axis] and np.prod(value.shape[i + 1:]) == np.prod(shape[axis + 1:])]
        if not moved:
            self.problems.append(f"output {name!r}: {op.op_type} works along an axis that is no longer one of the output's")
            return Unknown()
        self.ctx.host.append(replace(op, y=name, attributes=op.attributes | {"axis": moved[0]}))
        return Host(name, value.tensor, value.shape)


def _quantised_const(node, x, scales, zeros, shift):
    axis = attributes(node).get("axis", 1)
    low, high = (0, 255) if shift else (-128, 127)
    q = np.rint(x.array.astype(np.float32) / along(scales, axis, x.array.ndim)) + along(zeros, axis, x.array.ndim)
    return Const(np.clip(q, low, high).astype(np.uint8 if shift else np.int8))


_SPECIAL = {"QuantizeLinear": _Importer.quantise, "DequantizeLinear": _Importer.dequantise}
_HINTS = {
    "ArgMax": ": take it out, and compare the values that it reads on the host",
    "DynamicQuantizeLinear": ": quantise statically",
    "ConvInteger": ": quantise statically (QDQ)",
    "MatMulInteger": ": quantise statically (QDQ)",
}
