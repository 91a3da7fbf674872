"""QDQ networks written node by node, run by golden and by onnxruntime from the same inputs."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from hwcnn import golden
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.model.session import session

#: Of tests that draw operators.
quick = settings(max_examples=25, deadline=None, derandomize=True)
zeros = st.integers(-128, 127)
dtypes = st.sampled_from([np.int8, np.uint8])


class Qdq:
    """A QDQ network in the making. Values are named by their DequantizeLinear; `dtype` is that of
    all maps.
    """

    def __init__(self, seed=0, dtype=np.int8, opset=13):
        self.rng = np.random.default_rng(seed)
        self.dtype, self.opset = dtype, opset
        self.nodes, self.constants, self.inputs = [], [], []

    def const(self, array, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def node(self, op, inputs, **attributes):
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def q(self, x, scale, zero):
        """x through QuantizeLinear and DequantizeLinear. zero: in int8 terms."""
        parameters = [
            self.const(scale),
            self.const(zero + (128 if self.dtype == np.uint8 else 0), self.dtype),
        ]
        return self.node(
            "DequantizeLinear", [self.node("QuantizeLinear", [x, *parameters]), *parameters]
        )

    def input(self, *shape, scale=0.05, zero=0):
        name = f"x{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return self.q(name, scale, zero)

    def weight(self, *shape, axis=0, scale=None, low=-128):
        """Dequantised int8 weights, with a random scale for each index along `axis`."""
        scale = self.rng.uniform(0.005, 0.02, shape[axis]) if scale is None else scale
        w = self.const(self.rng.integers(low, 128, shape), np.int8)
        return self.node(
            "DequantizeLinear",
            [w, self.const(scale), self.const(np.zeros(np.shape(scale)), np.int8)],
            axis=axis,
        )

    def model(self, *outputs):
        graph = helper.make_graph(
            self.nodes,
            "qdq",
            self.inputs,
            [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
            self.constants,
        )
        for output in graph.output:
            output.type.tensor_type.ClearField("shape")
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8
        )
        return model

    def feed(self):
        """Random inputs that use, and now and then exceed, the int8 range."""
        return {
            i.name: self.rng.uniform(
                -7, 7, [d.dim_value for d in i.type.tensor_type.shape.dim]
            ).astype(np.float32)
            for i in self.inputs
        }


def compare(net, *outputs):
    """(the graph, steps by which golden differs from onnxruntime: an int array for each output)."""
    model = infer(net.model(*outputs))
    graph = import_graph(model)
    feed = net.feed()
    inputs = {
        n: golden.quantise_input(graph, n, feed[n]).reshape(graph.tensors[n].shape)
        for n in graph.inputs
    }
    ours = golden.host_outputs(graph, golden.run(graph, inputs))
    theirs = session(model).run(None, feed)
    differences = []
    for (name, a), b, tensor in zip(ours.items(), theirs, graph.outputs, strict=True):
        assert a.shape == b.shape, name
        differences.append(np.rint(np.abs(a - b) / graph.tensors[tensor].scale).astype(int))
    return graph, differences


def check(differences):
    """No step of more than one, and few of those: equal neighbours (padding) may all lie on one
    edge.
    """
    for d in differences:
        assert d.max(initial=0) <= 1
        assert (d > 0).sum() <= max(6, 0.03 * d.size)


def infer(model):
    import onnx

    return normalise(onnx.shape_inference.infer_shapes(model), "qdq")
