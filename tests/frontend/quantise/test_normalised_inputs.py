"""Constants at the inputs: the host takes them, the accelerator spends no operation on them."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwcnn import driver, golden, ir
from hwcnn.config import AccelConfig
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.frontend.quantise.normalised_inputs import take_out
from hwcnn.manifest import Manifest
from hwcnn.scheduler.compile import compile_graph

MEAN = np.array([123.7, 116.3, 103.5], np.float32).reshape(3, 1, 1)
SCALE = np.array([0.0171, 0.0175, 0.0174], np.float32).reshape(1, 3, 1, 1)


def network(steps, extra=()):
    """A padded convolution after steps: (operator, constants before x, constants after x)."""
    rng, nodes, constants, x = np.random.default_rng(7), [], [], "x"

    def constant(value):
        constants.append(
            numpy_helper.from_array(np.asarray(value, np.float32), f"c{len(constants)}")
        )
        return constants[-1].name

    for i, (op, before, after) in enumerate(steps):
        names = [constant(c) for c in before] + [x] + [constant(c) for c in after]
        nodes.append(helper.make_node(op, names, [f"n{i}"], name=f"n{i}"))
        x = f"n{i}"
    weight = constant(rng.normal(0, 0.2, (8, 3, 3, 3)))
    nodes.append(helper.make_node("Conv", [x, weight], ["y"], name="conv", pads=[1, 1, 1, 1]))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 9, 9])]
    outputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 9, 9]) for n in extra]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 9, 9])
    graph = helper.make_graph(nodes, "net", [source], outputs, constants)
    opsets = [helper.make_opsetid("", 17)]
    return normalise(helper.make_model(graph, opset_imports=opsets, ir_version=8), "net")


def pictures(count):
    rng = np.random.default_rng(3)
    return [{"x": rng.integers(0, 256, (1, 3, 9, 9)).astype(np.float32)} for _ in range(count)]


NORM = [
    np.array(v, np.float32) for v in ([1.1, 0.9, -1], [0.1, 0, 0.2], [120, 110, 100], [64, 9, 4])
]
CHAINS = {
    "a channel": [("Sub", [], [MEAN]), ("Mul", [], [SCALE])],
    "one value": [("Div", [], [127.5]), ("Sub", [], [1.0])],
    "turned": [("Sub", [255.0], []), ("Mul", [SCALE], []), ("Add", [0.25], [])],
    "batch norm": [("BatchNormalization", [], NORM)],
    "only scaled": [("Mul", [], [1 / 255])],
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_convolution_is_the_only_operation_and_agrees_with_onnxruntime(name):
    model, samples = network(CHAINS[name]), pictures(4)
    float_run = ort.InferenceSession(model.SerializeToString())
    quantised = quantise(onnx.ModelProto.FromString(model.SerializeToString()), samples)
    onnx.checker.check_model(quantised)
    graph = import_graph(quantised)
    assert [type(op) for op in graph.ops] == [ir.Conv]
    session = ort.InferenceSession(quantised.SerializeToString())
    for sample in samples:
        inputs = {"x": golden.quantise_input(graph, "x", sample["x"])}
        found = golden.host_outputs(graph, golden.run(graph, inputs))["y"]
        step = graph.tensors[graph.outputs[0]].scale
        expected = session.run(None, sample)[0]
        assert np.abs(found - expected).max() <= 1.01 * step
        assert (np.abs(found - expected) < 0.01 * step).mean() >= 0.999
        # Borders too: the convolution pads what is normalised with zeros.
        exact = float_run.run(None, sample)[0]
        assert np.abs(found - exact).max() < 0.02 * np.abs(exact).max()


def test_the_manifest_tells_the_host_what_to_do():
    graph = import_graph(quantise(network(CHAINS["a channel"]), pictures(2)))
    for pe in ("16x16", "4x4"):
        program = compile_graph(graph, AccelConfig.load(pe=pe)).manifest
        (given,) = program.inputs
        manifest = Manifest("net", 1, program.config, (program,), (), ())
        assert "#define HWCNN_INPUT0_GAIN {0.0171" in driver.files(manifest)["hwcnn_network.h"]
        expected = np.stack([SCALE.reshape(-1), -MEAN.reshape(-1) * SCALE.reshape(-1)], axis=1)
        np.testing.assert_allclose(given.normalise, expected, rtol=1e-6)
    plain = import_graph(quantise(network([]), pictures(2)))
    assert compile_graph(plain, AccelConfig.load(pe="4x4")).manifest.inputs[0].normalise == ()


@pytest.mark.parametrize(
    ("steps", "extra"),
    [
        ([("Sub", [], [np.arange(9)])], ()),  # one value a column
        ([("Mul", [], [np.array([1, 0, 1]).reshape(3, 1, 1)])], ()),  # a channel vanishes
        ([("Sub", [], [MEAN])], ("n0",)),  # what is normalised is an output too
    ],
)
def test_other_nodes_stay(steps, extra):
    model = network(steps, extra)
    before = model.SerializeToString()
    assert take_out(model) == {}
    assert model.SerializeToString() == before
