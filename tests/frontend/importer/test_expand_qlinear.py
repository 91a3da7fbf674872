"""Quantised operators of ONNX and of onnxruntime, on int8 and uint8, against onnxruntime's own
kernels.

Weights have 7 bits: onnxruntime's products of uint8 and int8 saturate at 16 bits on processors
without VNNI.
"""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwcnn import golden
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.session import session

MS = "com.microsoft"
#: type, and a zero point for each operand
TYPES = [(np.int8, (-7, 4, 21)), (np.uint8, (121, 132, 149))]


class Int:
    """One quantised node and its constants."""

    def __init__(self, dtype, seed=0):
        self.rng = np.random.default_rng(seed)
        self.dtype, self.constants = dtype, []

    def const(self, array, dtype=np.float32):
        self.constants.append(
            numpy_helper.from_array(np.asarray(array, dtype), f"c{len(self.constants)}")
        )
        return self.constants[-1].name

    def parameters(self, scale, zero):
        return [self.const(scale), self.const(zero, self.dtype)]

    def differences(self, op, inputs, x_shapes, y_rank, domain="", **attributes):
        """Steps between golden and onnxruntime, on random inputs x0, x1, ... of those shapes."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        graph = helper.make_graph(
            [helper.make_node(op, inputs, ["y"], name="node", domain=domain, **attributes)],
            "g",
            [helper.make_tensor_value_info(f"x{i}", kind, s) for i, s in enumerate(x_shapes)],
            [helper.make_tensor_value_info("y", kind, [None] * y_rank)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(MS, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        info = np.iinfo(self.dtype)
        feed = {
            f"x{i}": self.rng.integers(info.min, info.max + 1, s).astype(self.dtype)
            for i, s in enumerate(x_shapes)
        }
        (expected,) = session(model).run(None, feed)
        imported = import_graph(model)
        shift = 128 if self.dtype == np.uint8 else 0
        inputs = {
            n: (feed[n].astype(int) - shift).astype(np.int8).reshape(imported.tensors[n].shape)
            for n in imported.inputs
        }
        result = golden.run(imported, inputs)[imported.outputs[0]].astype(int) + shift
        assert imported.onnx_outputs[0][1] == expected.shape
        return np.abs(result.reshape(expected.shape) - expected)


def check(differences):
    assert differences.max() <= 1
    assert (differences > 0).sum() <= max(2, 0.003 * differences.size)


@pytest.mark.parametrize("dtype, zeros", TYPES)
def test_conv(dtype, zeros):
    net = Int(dtype)
    w = net.const(net.rng.integers(-64, 64, (8, 2, 3, 3)), np.int8)
    check(
        net.differences(
            "QLinearConv",
            [
                "x0",
                *net.parameters(0.05, zeros[0]),
                w,
                net.const(net.rng.uniform(0.01, 0.03, 8)),
                net.const(np.zeros(8), np.int8),
                *net.parameters(0.11, zeros[2]),
                net.const(net.rng.integers(-9000, 9000, 8), np.int32),
            ],
            [(2, 4, 9, 9)],
            4,
            group=2,
            pads=[1] * 4,
        )
    )


@pytest.mark.parametrize("dtype, zeros", TYPES)
def test_matmul(dtype, zeros):
    net = Int(dtype)
    w = net.const(net.rng.integers(-64, 64, (40, 9)), np.int8)
    check(
        net.differences(
            "QLinearMatMul",
            [
                "x0",
                *net.parameters(0.05, zeros[0]),
                w,
                net.const(0.02),
                net.const(0, np.int8),
                *net.parameters(0.11, zeros[2]),
            ],
            [(3, 40)],
            2,
        )
    )


@pytest.mark.parametrize("dtype, zeros", TYPES)
def test_gemm(dtype, zeros):
    net = Int(dtype)
    w = net.const(net.rng.integers(-64, 64, (9, 40)), np.int8)
    check(
        net.differences(
            "QGemm",
            [
                "x0",
                *net.parameters(0.05, zeros[0]),
                w,
                net.const(net.rng.uniform(0.01, 0.03, 9)),
                net.const(np.zeros(9), np.int8),
                net.const(net.rng.integers(-9000, 9000, 9), np.int32),
                *net.parameters(0.11, zeros[2]),
            ],
            [(3, 40)],
            2,
            MS,
            transB=1,
        )
    )


@pytest.mark.parametrize("dtype, zeros", TYPES)
@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_elementwise(op, dtype, zeros):
    net = Int(dtype)
    check(
        net.differences(
            op,
            [
                "x0",
                *net.parameters(0.0531, zeros[0]),
                "x1",
                *net.parameters(0.0297, zeros[1]),
                *net.parameters(0.0911, zeros[2]),
            ],
            [(1, 4, 9, 9)] * 2,
            4,
            MS,
        )
    )


@pytest.mark.parametrize("dtype, zeros", TYPES)
def test_concat(dtype, zeros):
    net = Int(dtype)
    inputs = [
        *net.parameters(0.05, zeros[0]),
        "x0",
        *net.parameters(0.05, zeros[0]),
        "x1",
        *net.parameters(0.03, zeros[1]),
    ]
    check(net.differences("QLinearConcat", inputs, [(1, 4, 9, 9), (1, 3, 9, 9)], 4, MS, axis=1))


@pytest.mark.parametrize("dtype, zeros", TYPES)
@pytest.mark.parametrize(
    "op, attributes",
    [
        ("QLinearSigmoid", {}),
        ("QLinearLeakyRelu", {"alpha": 0.2}),
        ("QLinearGlobalAveragePool", {}),
        ("QLinearAveragePool", {"kernel_shape": [3, 3]}),
    ],
)
def test_one_operand(op, attributes, dtype, zeros):
    net = Int(dtype)
    inputs = ["x0", *net.parameters(0.05, zeros[0]), *net.parameters(0.0131, zeros[2])]
    check(net.differences(op, inputs, [(1, 4, 9, 9)], 4, MS, **attributes))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_max_pool_works_on_integers(dtype):
    net = Int(dtype)
    kind = TensorProto.INT8 if dtype == np.int8 else TensorProto.UINT8
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *net.parameters(0.05, 3)], ["q"]),
        helper.make_node("MaxPool", ["q"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("DequantizeLinear", ["p", *net.parameters(0.05, 3)], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3, 4, 4))],
        net.constants,
        value_info=[helper.make_tensor_value_info("q", kind, (1, 3, 8, 8))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    x = net.rng.uniform(-7, 7, (1, 3, 8, 8)).astype(np.float32)
    imported = import_graph(model)
    result = golden.host_outputs(
        imported, golden.run(imported, {"x": golden.quantise_input(imported, "x", x)})
    )
    np.testing.assert_allclose(result["y"], session(model).run(None, {"x": x})[0], atol=1e-6)
