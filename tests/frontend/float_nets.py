"""Small float networks for the frontend's tests, built node by node."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper, shape_inference

from hwcnn.frontend.model.load import normalise


class Net:
    """A chain of nodes; `x` is the name of the value at its end. Weights are seeded, scaled to keep
    activations alive.
    """

    def __init__(self, *shape, seed=0, opset=13):
        self.rng = np.random.default_rng(seed)
        self.shape, self.opset = shape, opset
        self.nodes, self.constants, self.x = [], [], "x"

    def const(self, array, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def node(self, op, *inputs, **attributes):
        names = [f"{op.lower()}{len(self.nodes)}"]
        self.nodes.append(
            helper.make_node(op, list(inputs) or [self.x], names, name=names[0], **attributes)
        )
        self.x = names[0]
        return self.x

    def conv(self, channels_in, channels_out, *kernel, groups=1, x=None, **attributes):
        taps = channels_in // groups * int(np.prod(kernel))
        w = self.rng.standard_normal((channels_out, channels_in // groups, *kernel)) * np.sqrt(
            2 / taps
        )
        b = self.rng.standard_normal(channels_out) * 0.1
        return self.node(
            "Conv", x or self.x, self.const(w), self.const(b), group=groups, **attributes
        )

    def gemm(self, size_in, size_out, **attributes):
        w = self.rng.standard_normal((size_out, size_in)) * np.sqrt(2 / size_in)
        return self.node(
            "Gemm",
            self.x,
            self.const(w),
            self.const(self.rng.standard_normal(size_out)),
            transB=1,
            **attributes,
        )

    def model(self, *outputs):
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [
                helper.make_tensor_value_info(o, TensorProto.FLOAT, None)
                for o in outputs or [self.x]
            ],
            self.constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8
        )
        return normalise(shape_inference.infer_shapes(model), "net")

    def samples(self, count=2):
        return [
            {"x": self.rng.standard_normal(self.shape).astype(np.float32)} for _ in range(count)
        ]
