"""Float against int8, and which layer loses most."""

import numpy as np
import pytest
from float_nets import Net
from onnx import numpy_helper

from hwcnn.frontend.model.onnx_index import OnnxIndex
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise import loss
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.quality import sqnr_db


@pytest.fixture
def net():
    net = Net(1, 3, 12, 12)
    for channels in (3, 8, 8):
        net.conv(channels, 8, 3, 3, pads=[1] * 4)
        net.node("Relu")
    net.node("GlobalAveragePool")
    net.node("Flatten")
    net.gemm(8, 5)
    return net


def test_outputs_against_onnxruntimes_results(net):
    model, samples = net.model(), net.samples(4)
    quantised = quantise(model, samples)
    found = loss.measure(model, quantised, samples)
    real, integer = (
        np.concatenate([session(m).run(None, s)[0] for s in samples]) for m in (model, quantised)
    )
    assert found.samples_compared == 4
    assert found.sqnr_db == {net.x: pytest.approx(sqnr_db(real, integer), abs=0.01)}
    same = (real.argmax(axis=1) == integer.argmax(axis=1)).sum()
    assert found.top1_agreement == {net.x: same}


@pytest.mark.parametrize("coarse", ["relu3", "relu5", "globalaveragepool6"])
def test_the_layer_with_coarse_steps_is_the_worst(net, coarse, monkeypatch):
    monkeypatch.setattr(loss, "_HELD", 1000)  # several groups of values
    model, samples = net.model(), net.samples(3)
    quantised = quantise(model, samples)
    index = OnnxIndex(quantised.graph)
    (node,) = [n for n in quantised.graph.node if list(n.input[:1]) == [coarse]]
    scale = index.array(node.input[1])
    index.constants[node.input[1]].CopyFrom(
        numpy_helper.from_array(np.asarray(scale * 20, np.float32), node.input[1])
    )
    found = loss.measure(model, quantised, samples).worst_layers
    assert found[0].name == coarse
    assert found[0].sqnr_before_db > found[0].sqnr_db + 6
    assert len(found) <= 5


def test_outputs_without_a_ratio_are_left_out():
    """As many as there are positive values, and what is infinite."""

    def model(shift):
        net = Net(1, 3, 4, 4)
        y = net.node("Add", "x", net.const(shift))
        positive = net.node("Cast", net.node("NonZero", net.node("Relu", y)), to=1)
        infinite = net.node("Div", "x", net.const(0.0))
        return net.model(y, positive, infinite), y

    (real, y), (other, _) = model(0.0), model(-0.5)
    found = loss.measure(real, other, Net(1, 3, 4, 4).samples(2))
    assert set(found.sqnr_db) == {y}
    assert found.top1_agreement == {}


def test_of_several_outputs_those_behind_a_softmax_classify():
    net = Net(1, 6)
    boxes = net.gemm(6, 4)
    net.x = "x"
    net.gemm(6, 3)
    scores = net.node("Softmax", axis=1)
    model, samples = net.model(boxes, scores), net.samples(3)
    found = loss.measure(model, quantise(model, samples), samples)
    assert set(found.sqnr_db) == {boxes, scores}
    assert set(found.top1_agreement) == {scores}
