"""Graphs of unusual form that ONNX allows: outputs that are read again, operands twice, shared
constants, odd names.
"""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, shape_inference

from hwcnn import golden
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.agreement import BAR_DIFFERENCE
from hwcnn.frontend.quantise.calibrate import random_samples
from hwcnn.frontend.quantise.float_to_qdq import quantise

RNG = np.random.default_rng(3)
CONSTANTS = {
    "w": RNG.standard_normal((4, 3, 3, 3)).astype(np.float32),
    "w4": RNG.standard_normal((4, 4, 1, 1)).astype(np.float32),
    "b": RNG.standard_normal(4).astype(np.float32),
    "zero": np.float32(0),
    "low": np.float32(-0.5),
    "high": np.float32(1),
    "large": np.float32(1e7),
    "pads": np.array([0, 0, 1, 0, 0, 0, 0, 2]),
    "one": np.float32(1),
    "two": np.float32(2),
    "k": np.array([1]),
}


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def model(nodes, outputs, dtype=TensorProto.FLOAT):
    """nodes : (operator, inputs, outputs, attributes); a convolution of x, "c", comes first.
    outputs : names.
    """
    nodes = [node("Conv", "x w", "c"), *(node(*n[:3], **dict(*n[3:])) for n in nodes)]
    used = {name for n in nodes for name in n.input}
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info("x", dtype, (1, 3, 8, 8))],
        [
            helper.make_tensor_value_info(o, TensorProto.FLOAT, (1, 3, 8, 8))
            for o in outputs.split()
        ],
        [numpy_helper.from_array(v, k) for k, v in CONSTANTS.items() if k in used],
    )
    for output in graph.output:
        if output.name != "x":
            output.type.tensor_type.ClearField("shape")
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return normalise(shape_inference.infer_shapes(made), "odd")


CASES = {
    "an output is an inner tensor": ([("Relu", "c", "r"), ("Conv", "r w4", "d")], "c r d"),
    "an output is fused with its clip": (
        [("Clip", "c zero", "r"), ("MaxPool", "r", "p", {"kernel_shape": [2, 2]})],
        "r p",
    ),
    "an output feeds a global average": ([("GlobalAveragePool", "c", "g")], "c g"),
    "an output under two names": ([("Identity", "c", "a"), ("Identity", "c", "d")], "d c a"),
    "a concatenation with itself": (
        [("Concat", "c c", "y", {"axis": 1}), ("Concat", "y c y", "z", {"axis": 1})],
        "z y",
    ),
    "a sum with itself": ([("Add", "c c", "a"), ("Mul", "a c", "m"), ("Max", "m m", "y")], "y a"),
    "a function of a linear function": (
        [("Add", "c one", "a"), ("Mul", "a two", "m"), ("Mul", "m c", "y")],
        "y",
    ),
    "a function of a clipped value": ([("Clip", "c zero", "r"), ("Add", "r r", "y")], "y"),
    "a function of a padded value": (
        [("Pad", "c pads", "p"), ("Sigmoid", "p", "s"), ("Mul", "p s", "y")],
        "p y",
    ),
    "a clip far below its range": (
        [("Mul", "c large", "l"), ("Clip", "l low high", "y"), ("Max", "l l", "m")],
        "y m",
    ),
    "three times the same": ([("Sum", "c c c", "y")], "y"),
    "nothing reads a branch": ([("Conv", "x w", "d"), ("Relu", "d", "e")], "c"),
    "shared constants": (
        [("Conv", "x w b", "d"), ("Conv", "d w4 b", "e"), ("Add", "c d", "y")],
        "y e",
    ),
    "one name for all nodes": (
        [("Relu", "c", "r", {"name": "n"}), ("Add", "r c", "y", {"name": "n"})],
        "y",
    ),
    "indices that nobody reads": ([("MaxPool", "c", "y i", {"kernel_shape": [2, 2]})], "y"),
    "a constant subgraph": ([("Mul", "w w", "v"), ("Conv", "x v", "y")], "y"),
    "a scalar": ([("ReduceMean", "c", "y", {"axes": [1, 2, 3], "keepdims": 0})], "y"),
    "logits and probabilities": (
        [
            ("GlobalAveragePool", "c", "g"),
            ("Flatten", "g", "f"),
            ("Softmax", "f", "s"),
            ("LogSoftmax", "f", "l"),
        ],
        "f s l g",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_runs_as_in_onnxruntime(case):
    net = model(*CASES[case])
    samples = random_samples(net)
    qdq = quantise(net, samples)
    expected = session(qdq).run(None, samples[0])
    for fused in (True, False):
        graph = import_graph(qdq, fused=fused)
        found = golden.host_outputs(
            graph, golden.run(graph, {"x": golden.quantise_input(graph, "x", samples[0]["x"])})
        )
        assert list(found) == CASES[case][1].split()
        for (name, a), b, tensor in zip(found.items(), expected, graph.outputs, strict=True):
            assert a.shape == b.shape, name
            assert b.std() + (b.size == 1) > 0, name
            assert np.abs(a - b).max() <= graph.tensors[tensor].scale * BAR_DIFFERENCE * 1.001, name


@pytest.mark.parametrize(
    "nodes, outputs, dtype, words",
    [
        ([("Div", "c zero", "y")], "y", TensorProto.FLOAT, r"y \(Div\): division by zero"),
        ([], "", TensorProto.FLOAT, "odd: .* no output"),
        (
            [("TopK", "c k", "v i")],
            "c v",
            TensorProto.FLOAT,
            r"v \(TopK\): the accelerator has no such operator",
        ),
        ([("Relu", "c", "y")], "x y", TensorProto.FLOAT, "output 'x': it is an input"),
        ([("Mul", "b b", "y")], "c y", TensorProto.FLOAT, "output 'y': it is a constant"),
    ],
)
def test_it_is_refused(nodes, outputs, dtype, words):
    with pytest.raises(InputError, match=words) as e:
        quantise(model(nodes, outputs, dtype))
    assert "\n" not in str(e.value)


def test_integers_into_a_float_network():
    """Of an input that is read as integers too, no cast can be left out."""
    nodes = [
        node("Cast", "x", "f", to=1),
        node("Relu", "f", "y"),
        node("Cast", "x", "z", to=6),
    ]
    values = [
        helper.make_tensor_value_info(*v, (1, 3, 8, 8))
        for v in (("x", TensorProto.UINT8), ("y", TensorProto.FLOAT), ("z", TensorProto.INT32))
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "odd", values[:1], values[1:]),
        opset_imports=[helper.make_opsetid("", 13)],
    )
    with pytest.raises(
        InputError, match="input 'x' holds integers, but the model is not quantised"
    ):
        quantise(normalise(made, "odd"))


def test_a_quantised_network_of_an_int8_input_whose_result_is_float():
    """The range of its result is measured: samples are integers then."""
    constants = [
        numpy_helper.from_array(np.float32(0.1), "s"),
        numpy_helper.from_array(np.int8(-20), "z"),
    ]
    nodes = [node("DequantizeLinear", "x s z", "f"), node("Sigmoid", "f", "y")]
    values = [
        helper.make_tensor_value_info(*v, (1, 3, 8, 8))
        for v in (("x", TensorProto.INT8), ("y", TensorProto.FLOAT))
    ]
    graph = helper.make_graph(nodes, "odd", values[:1], values[1:], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    qdq = quantise(normalise(made, "odd"))
    graph = import_graph(qdq)
    x = np.arange(-96, 96, dtype=np.int8).reshape(1, 3, 8, 8)
    (found,) = golden.host_outputs(graph, golden.run(graph, {"x": x})).values()
    (expected,) = session(qdq).run(None, {"x": x})
    assert np.ptp(found) > 0.9
    assert np.abs(found - expected).max() < 1.01 * graph.tensors[graph.outputs[0]].scale
