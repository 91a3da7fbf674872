"""A float ONNX network in the making, and the choices that were made for it."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

#: Elements that a value may have: the campaign wants many small networks.
MOST_ELEMENTS = 12_000
#: Weights that one layer may have.
MOST_WEIGHTS = 60_000
OPSET, NEWEST_OPSET = 20, 24
#: Operators that came after `OPSET`.
_NEWEST = {"Swish", "GroupNormalization"}
#: Operators whose result onnx infers no shape of; it is that of their input.
_UNINFERRED = {"GroupNormalization"}


class Invalid(Exception):
    """A layer that ONNX does not allow on its input, or one beyond the campaign's sizes."""


class Picks:
    """Choices by name: drawn from `rng`, and recorded; recorded ones are given again. simplest :
    what the minimiser tries.
    """

    def __init__(self, rng, recorded=None):
        self.rng = rng
        self.recorded = dict(recorded or {})
        self.simplest = {}

    def __call__(self, name, options, weights=None):
        """One of `options`, whose first is the simplest."""
        options = list(options)
        self.simplest[name] = options[0]
        if name not in self.recorded:
            p = None if weights is None else np.asarray(weights, float) / np.sum(weights)
            self.recorded[name] = options[int(self.rng.choice(len(options), p=p))]
        return self.recorded[name]


class Net:
    """shapes : of every value, by name. `rng` draws constants; whoever adds a layer sets it."""

    def __init__(self):
        self.nodes, self.constants, self.inputs, self.shapes = [], {}, [], {}
        self.rng = None

    def input(self, shape):
        """A new float input; returns its name."""
        name = f"x{len(self.inputs)}"
        self.inputs.append(name)
        self.shapes[name] = tuple(shape)
        return name

    def const(self, array, dtype=np.float32):
        """A new constant; returns its name. Raises Invalid where it has too many values."""
        array = np.asarray(array, dtype)
        if array.size > MOST_WEIGHTS:
            raise Invalid(f"{array.size} constants")
        name = f"c{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(self, op, inputs, outputs=1, **attributes):
        """Add a node; returns the name of its result, or a list of several. Raises Invalid."""
        names = [
            f"{op.lower()}{len(self.nodes)}" + (f"_{i}" if outputs > 1 else "")
            for i in range(outputs)
        ]
        node = helper.make_node(op, list(inputs), names, name=names[0], **attributes)
        self.shapes |= self._inferred(node)
        self.nodes.append(node)
        return names if outputs > 1 else names[0]

    def _inferred(self, node):
        if node.op_type in _UNINFERRED:
            return {node.output[0]: self.shapes[node.input[0]]}
        values = [
            helper.make_tensor_value_info(i, TensorProto.FLOAT, self.shapes[i])
            for i in dict.fromkeys(node.input)
            if i in self.shapes
        ]
        constants = [self.constants[i] for i in node.input if i in self.constants]
        outputs = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in node.output]
        for output in outputs:
            output.type.tensor_type.ClearField("shape")
        model = _model([node], values, outputs, constants)
        try:
            graph = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
        except shape_inference.InferenceError as e:
            raise Invalid(str(e)) from e
        shapes = {
            o.name: tuple(d.dim_value for d in o.type.tensor_type.shape.dim) for o in graph.output
        }
        for shape in shapes.values():
            if not shape or min(shape) < 1 or np.prod(shape) > MOST_ELEMENTS:
                raise Invalid(f"{node.op_type} gives {shape}")
        return shapes

    def model(self, outputs):
        """The ModelProto with these outputs; what leads to none of them is left out, and so are
        inputs that nothing reads.
        """
        needed, nodes = set(outputs), []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                needed |= set(node.input)
                nodes.insert(0, node)
        inputs = [
            helper.make_tensor_value_info(i, TensorProto.FLOAT, self.shapes[i])
            for i in self.inputs
            if i in needed
        ]
        results = [
            helper.make_tensor_value_info(o, TensorProto.FLOAT, self.shapes[o]) for o in outputs
        ]
        return _model(
            nodes, inputs, results, [c for name, c in self.constants.items() if name in needed]
        )


def _model(nodes, inputs, outputs, constants):
    opset = NEWEST_OPSET if any(n.op_type in _NEWEST for n in nodes) else OPSET
    graph = helper.make_graph(nodes, "campaign", inputs, outputs, constants)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=onnx.IR_VERSION_2023_5_5
    )
