"""What the accelerator cannot run is refused by name, all at once, before work starts."""

import numpy as np
import pytest
from float_nets import Net
from qdq import Qdq, infer

from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.quantise.float_to_qdq import quantise


def refusal(model):
    with pytest.raises(InputError) as e:
        import_graph(quantise(model))
    assert "\n" not in str(e.value)
    return str(e.value)


def test_every_unsupported_node_is_listed():
    net = Net(1, 4, 8, 8)
    net.node("CumSum", net.x, net.const(1, np.int64))
    net.conv(4, 4, 3, 3)
    net.node("ReduceMax", axes=[0])
    net.node("Relu")
    net.node("LpNormalization", axis=1, p=1)
    text = refusal(net.model())
    assert text.startswith("3 node(s)")
    for part in (
        "cumsum0 (CumSum)",
        "reducemax2 (ReduceMax): axes [0]: images of a batch stay apart",
        "lpnormalization4",
    ):
        assert part in text


def test_no_calibration_runs_for_a_model_that_cannot_run():
    net = Net(1, 4, 8, 8)
    net.node("LpNormalization", axis=1, p=1)

    def samples():
        pytest.fail("calibration was started")
        yield

    with pytest.raises(InputError, match="LpNormalization"):
        quantise(net.model(), samples())


def test_a_convolution_of_computed_weights():
    net = Net(1, 4, 4, 4)
    w = net.node("Sigmoid", "x")
    net.node("Conv", "x", w)
    assert "weights are computed" in refusal(net.model())


@pytest.mark.parametrize(
    "samples, words",
    [
        ([], "no samples"),
        ([{"y": np.zeros((1, 3, 8, 8))}], "lacks the input 'x'"),
        ([{"x": np.zeros((1, 3, 8, 9))}], "has shape"),
        ([{"x": np.full((1, 3, 8, 8), np.nan)}], "not finite"),
    ],
)
def test_bad_calibration(samples, words):
    net = Net(1, 3, 8, 8)
    net.conv(3, 4, 3, 3)
    with pytest.raises(InputError, match=words):
        quantise(net.model(), samples)


def test_sums_without_quantisation_between():
    net = Qdq(1)
    x = net.input(1, 4, 6, 6)
    conv = net.node("Conv", [x, net.weight(4, 4, 1, 1)], kernel_shape=[1, 1])
    text = refusal(infer(net.model(net.q(net.node("Add", [conv, x]), 0.1, 0))))
    assert "add" in text
    assert "QuantizeLinear and DequantizeLinear are missing" in text


def test_channels_that_do_not_match():
    net = Net(1, 3, 8, 8)
    net.conv(4, 8, 3, 3)
    with pytest.raises(InputError, match="take 4 channels, but the map has 3"):
        quantise(net.model())
    net = Qdq(1)
    conv = net.node("Conv", [net.input(1, 4, 6, 6), net.weight(4, 5, 1, 1)], kernel_shape=[1, 1])
    assert "take 5 channels, but the map has 4" in refusal(infer(net.model(net.q(conv, 0.1, 0))))


def test_float_weights():
    net = Qdq(1)
    conv = net.node(
        "Conv",
        [net.input(1, 4, 6, 6), net.const(net.rng.standard_normal((4, 4, 1, 1)))],
        kernel_shape=[1, 1],
    )
    assert "weights are not quantised" in refusal(infer(net.model(net.q(conv, 0.1, 0))))


def test_weights_of_nine_bits():
    net = Qdq(1)
    w = net.node(
        "DequantizeLinear",
        [
            net.const(net.rng.integers(0, 256, (4, 4, 1, 1)), np.uint8),
            net.const(0.01),
            net.const(3, np.uint8),
        ],
    )
    conv = net.node("Conv", [net.input(1, 4, 6, 6), w], kernel_shape=[1, 1])
    assert "do not fit int8" in refusal(infer(net.model(net.q(conv, 0.1, 0))))


def test_a_result_that_is_not_quantised():
    net = Qdq(1)
    conv = net.node("Conv", [net.input(1, 4, 6, 6), net.weight(4, 4, 1, 1)], kernel_shape=[1, 1])
    with pytest.raises(InputError, match=f"output '{conv}'"):
        import_graph(infer(net.model(conv)))


def test_a_convolution_on_a_transposed_map():
    net = Qdq(1)
    x = net.q(net.node("Sigmoid", [net.input(1, 6, 6, 4)]), 0.05, 0)
    x = net.q(net.node("Transpose", [x], perm=[0, 3, 1, 2]), 0.05, 0)
    conv = net.node("Conv", [x, net.weight(4, 4, 1, 1)], kernel_shape=[1, 1])
    assert "another layout" in refusal(infer(net.model(net.q(conv, 0.1, 0))))


def test_batch_of_a_model_made_for_another():
    net = Net(2, 3, 8, 8)
    net.conv(3, 4, 3, 3)
    qdq = quantise(net.model())
    assert {t.shape[0] for t in import_graph(qdq, 2).tensors.values()} == {2}
    with pytest.raises(InputError, match="batch of 2"):
        import_graph(qdq, 3)
