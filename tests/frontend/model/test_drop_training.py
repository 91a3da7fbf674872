"""Nodes that only training needs are left out, and the note says so."""

import numpy as np
import pytest
from float_nets import Net
from onnx import TensorProto, helper, numpy_helper

from hwcnn.errors import InputError, Note
from hwcnn.frontend.importer.qdq_to_ir import check, import_graph
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.quantise.float_to_qdq import quantise


def trained(loss_outputs, outputs):
    """A convolution whose scores a weighted loss reads, with labels that are cast first."""
    net = Net(1, 3, 6, 6)
    scores = net.conv(3, 5, 6, 6)
    nodes = [
        *net.nodes,
        helper.make_node("Flatten", [scores], ["flat"]),
        helper.make_node("Cast", ["labels"], ["classes"], to=TensorProto.INT64),
        helper.make_node(
            "SoftmaxCrossEntropyLoss", ["flat", "classes"], loss_outputs, name="criterion"
        ),
        helper.make_node("Mul", ["loss", "factor"], ["scaled"]),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, net.shape),
        helper.make_tensor_value_info("labels", 6, [1]),
    ]
    shapes = {"flat": [1, 5], "log": [1, 5], "loss": [], "scaled": []}
    infos = [helper.make_tensor_value_info(o, TensorProto.FLOAT, shapes[o]) for o in outputs]
    constants = [*net.constants, numpy_helper.from_array(np.float32(2), "factor")]
    graph = helper.make_graph(nodes, "trained", inputs, infos, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize(
    "outputs, expected",
    [(["scaled"], ["flat"]), (["flat", "loss"], ["flat"]), (["flat", "scaled"], ["flat"])],
)
def test_a_loss_is_left_out(outputs, expected):
    with pytest.warns(Note, match=r"net.onnx: left out, .*criterion \(SoftmaxCrossEntropyLoss\)"):
        model = normalise(trained(["loss"], outputs), "net.onnx")
    assert [o.name for o in model.graph.output] == expected
    assert [i.name for i in model.graph.input] == ["x"]
    graph = import_graph(quantise(model))
    assert graph.onnx_outputs == [("flat", (1, 5))]


def test_log_probabilities_stay():
    graph = import_graph(quantise(normalise(trained(["loss", "log"], ["loss", "log"]), "net.onnx")))
    assert [op.op_type for op in graph.host] == ["LogSoftmax"]
    assert graph.onnx_outputs == [("log", (1, 5))]


def test_the_mask_of_a_dropout():
    net = Net(1, 3, 6, 6)
    net.conv(3, 5, 3, 3)
    net.nodes.append(helper.make_node("Dropout", [net.x], ["dropped", "mask"], name="dropout"))
    graph = helper.make_graph(
        net.nodes,
        "net",
        [helper.make_tensor_value_info("x", 1, net.shape)],
        [
            helper.make_tensor_value_info("dropped", 1, [1, 5, 4, 4]),
            helper.make_tensor_value_info("mask", 9, [1, 5, 4, 4]),
        ],
        net.constants,
    )
    with pytest.warns(Note, match="mask mask"):
        model = normalise(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
            "net.onnx",
        )
    assert import_graph(quantise(model)).onnx_outputs == [("dropped", (1, 5, 4, 4))]


def test_nothing_but_a_loss():
    node = helper.make_node("NegativeLogLikelihoodLoss", ["x", "labels"], ["loss"])
    inputs = [
        helper.make_tensor_value_info("x", 1, [1, 5]),
        helper.make_tensor_value_info("labels", 7, [1]),
    ]
    graph = helper.make_graph([node], "net", inputs, [helper.make_tensor_value_info("loss", 1, [])])
    with pytest.raises(InputError, match="nothing but a loss"):
        normalise(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
            "net.onnx",
        )


def test_other_models_keep_silent(capsys):
    net = Net(1, 3, 6, 6)
    net.conv(3, 5, 3, 3)
    net.model()
    assert capsys.readouterr().err == ""


def test_a_mask_that_nothing_reads(capsys):
    net = Net(1, 3, 6, 6)
    net.nodes.append(
        helper.make_node("Dropout", [net.conv(3, 5, 3, 3)], ["dropped", "mask"], name="dropout")
    )
    check(net.model("dropped"))
    assert capsys.readouterr().err == ""
