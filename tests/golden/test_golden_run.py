"""Whole graphs: every tensor is computed, inputs quantised as ONNX does, outputs in the user's
terms.
"""

import numpy as np
import pytest
from references import int8, onnx_op

from hwcnn import golden, ir


def chain(batch=1):
    """x -> conv -> max pool -> (concat with its own average) -> global average -> Softmax on the
    host.
    """
    rng = np.random.default_rng(0)
    shapes = dict(x=(2, 6, 6), c=(4, 6, 6), m=(4, 3, 3), a=(4, 3, 3), k=(8, 3, 3), g=(8, 1, 1))
    tensors = {name: ir.Tensor(name, (batch, *shape), 0.5, -3) for name, shape in shapes.items()}
    same = {0: (1 << 16, 16)}
    conv = ir.Conv(
        "conv",
        "x",
        "c",
        int8(rng, 4, 2, 3, 3),
        np.arange(4, dtype=np.int32),
        np.full(4, 1 << 16),
        np.full(4, 24),
        -3,
        pads=(1, 1, 1, 1),
        pad_value=-3,
    )
    ops = [
        conv,
        ir.Pool("max", "c", "m", "max", (2, 2), (2, 2), (0, 0, 0, 0), same, -3, -3),
        ir.Pool(
            "average", "c", "a", "average", (2, 2), (2, 2), (0, 0, 0, 0), {4: (1 << 16, 18)}, -3, -3
        ),
        ir.Concat("concat", ("m", "a"), "k"),
        ir.Pool(
            "global", "k", "g", "average", (3, 3), (1, 1), (0, 0, 0, 0), {9: (7282 * 8, 19)}, -3, -3
        ),
    ]
    host = [ir.HostOp("softmax", "Softmax", "g", "probabilities", {"axis": -1})]
    return ir.Graph(
        "chain", tensors, ops, ["x"], ["g"], host, [("probabilities", (batch, 8))]
    ).verify()


@pytest.mark.parametrize("batch", [1, 3])
def test_runs_every_operation(batch):
    graph = chain()
    tensors = golden.run(graph, {"x": int8(np.random.default_rng(1), batch, 2, 6, 6)})
    assert set(tensors) == set(graph.tensors)
    for name, values in tensors.items():
        assert values.dtype == np.int8
        assert values.shape == (batch, *graph.tensors[name].shape[1:])
    probabilities = golden.host_outputs(graph, tensors)["probabilities"]
    real = (tensors["g"].astype(np.float32) + 3) * 0.5
    np.testing.assert_allclose(
        probabilities, onnx_op("Softmax", real.reshape(batch, 8), axis=1), rtol=1e-6
    )
    assert len(np.unique(tensors["g"])) > 1


def test_one_operation_alone():
    graph = chain()
    tensors = golden.run(graph, {"x": int8(np.random.default_rng(1), 1, 2, 6, 6)})
    for op in graph.ops:
        np.testing.assert_array_equal(
            golden.run_op(op, graph, {n: tensors[n] for n in op.inputs}), tensors[op.y]
        )


def test_two_outputs_of_one_tensor():
    graph = chain()
    graph.outputs = ["g", "g", "g"]
    graph.host.append(ir.HostOp("log", "LogSoftmax", "g", "logs", {"axis": 1}))
    graph.onnx_outputs += [("logs", (1, 8)), ("g", (1, 8, 1, 1))]
    tensors = golden.run(graph, {"x": int8(np.random.default_rng(1), 1, 2, 6, 6)})
    outputs = golden.host_outputs(graph, tensors)
    real = (tensors["g"].astype(np.float32) + 3) * 0.5
    np.testing.assert_array_equal(outputs["g"], real)
    np.testing.assert_allclose(
        outputs["logs"], onnx_op("LogSoftmax", real.reshape(1, 8)), rtol=1e-5
    )
    np.testing.assert_allclose(
        outputs["probabilities"], onnx_op("Softmax", real.reshape(1, 8)), rtol=1e-5
    )


def test_an_output_without_a_host_tail_is_dequantised():
    graph = chain()
    graph.host, graph.onnx_outputs = [], [("g", (1, 8, 1, 1))]
    tensors = golden.run(graph, {"x": int8(np.random.default_rng(1), 1, 2, 6, 6)})
    np.testing.assert_array_equal(
        golden.host_outputs(graph, tensors)["g"], (tensors["g"].astype(np.float32) + 3) * 0.5
    )


def test_quantise_input_equals_quantizelinear():
    graph = chain()
    real = np.random.default_rng(2).normal(0, 30, (1, 2, 6, 6)).astype(np.float32)
    real[0, 0, 0] = [0.25, 0.75, -0.25, -0.75, 1e6, -1e6]
    expected = onnx_op("QuantizeLinear", real, np.float32(0.5), np.int8(-3), dtype=np.int8)
    np.testing.assert_array_equal(golden.quantise_input(graph, "x", real), expected)


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 2, 6, 6), np.float32), np.zeros((1, 3, 6, 6), np.int8)]
)
def test_wrong_inputs_are_refused(bad):
    with pytest.raises(ValueError, match="input 'x'"):
        golden.run(chain(), {"x": bad})


def test_a_result_of_another_shape_is_refused():
    graph = chain()
    graph.tensors["c"] = ir.Tensor("c", (1, 4, 5, 6), 0.5, -3)
    with pytest.raises(ValueError, match="conv"):
        golden.run(graph, {"x": np.zeros((1, 2, 6, 6), np.int8)})
