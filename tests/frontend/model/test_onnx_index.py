"""The index of an ONNX graph, on a small one."""

import numpy as np
import pytest
from float_nets import Net

from hwcnn.frontend.model.onnx_index import OnnxIndex


@pytest.fixture(scope="module")
def index():
    """x -> conv -> relu, and the sum of relu's result with itself."""
    net = Net(1, 3, 8, 8)
    net.conv(3, 4, 3, 3)
    relu = net.node("Relu")
    net.node("Add", relu, relu)
    return OnnxIndex(net.model().graph)


def test_producers(index):
    kinds = {name: node.op_type for name, node in index.producers.items()}
    assert kinds == {"conv0": "Conv", "relu1": "Relu", "add2": "Add"}


def test_readers_stand_in_order_and_once_for_each_read(index):
    kinds = {name: [node.op_type for node in nodes] for name, nodes in index.readers.items()}
    assert kinds["x"] == ["Conv"]
    assert kinds["relu1"] == ["Add", "Add"]
    assert "add2" not in kinds


def test_constants(index):
    weight, bias = index.graph.node[0].input[1:]
    assert index.constants.keys() == {weight, bias}
    assert index.array(weight).shape == (4, 3, 3, 3)
    assert index.array(bias).dtype == np.float32
    with pytest.raises(KeyError):
        index.array("x")


def test_shapes_types_and_outputs(index):
    assert index.shapes["x"] == (1, 3, 8, 8)
    assert index.shapes["conv0"] == (1, 4, 6, 6)
    assert index.types["relu1"] == 1  # float32
    assert index.outputs == {"add2"}
