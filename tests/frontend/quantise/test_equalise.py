"""Normalisation in int8: exact against onnxruntime on the QDQ model, and near the float result
whatever the sizes of the channels.
"""

import numpy as np
import pytest
from float_nets import Net
from normalised_nets import layer, of_length_one, of_pixels, uneven
from to_program import run

from hwcnn import golden, ir
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.optimise import fold
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.equalise import equalise
from hwcnn.frontend.quantise.float_to_qdq import quantise


def sqnr(net):
    """Signal to noise ratio in dB, of the whole network on samples that it was not calibrated on,
    one of which is half as large.
    """
    model, samples = net.model(), net.samples(6)
    graph = import_graph(quantise(model, samples[:4]))
    signal = noise = 0.0
    for gain, sample in zip((1, 0.5), samples[4:], strict=True):
        x = sample["x"] * np.float32(gain)
        tensors = golden.run(graph, {"x": golden.quantise_input(graph, "x", x)})
        (result,) = golden.host_outputs(graph, tensors).values()
        (exact,) = session(model).run(None, {"x": x})
        signal, noise = signal + (exact**2).sum(), noise + ((result - exact) ** 2).sum()
    return 10 * np.log10(signal / noise)


@pytest.mark.parametrize("spread", [1, 100, 1e9])
def test_channels_of_any_size(spread):
    net = uneven(12, spread)
    assert run(net)[1][0].max() <= 1
    assert sqnr(net) > 30


def test_groups_of_channels():
    net = uneven(12, 10, groups=3)
    assert run(net)[1][0].max() <= 1
    assert sqnr(net) > 30


@pytest.mark.parametrize("residual", [False, True])
def test_channels_of_each_pixel(residual):
    """As in ConvNeXt: behind a convolution, and behind a sum."""
    net = Net(1, 3, 12, 12, opset=17)
    x = net.conv(3, 24, 3, 3, pads=[1] * 4)
    if residual:
        net.node("Add", x, net.conv(24, 24, 3, 3, groups=24, pads=[1] * 4))
    of_pixels(net, 24)
    assert run(net)[1][0].max() <= 1
    assert sqnr(net) > (25 if residual else 28)


@pytest.mark.parametrize("kind", ["operator", "normalize"])
def test_vectors_of_length_one(kind):
    """As SSD has them before its first boxes (Liu et al., 2016); some pixels are all zero."""
    net = Net(1, 3, 12, 12)
    net.conv(3, 24, 3, 3)
    net.node("Relu")
    net.node("Pad", net.x, net.const([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    of_length_one(net, 24, kind)
    net.node("Mul", net.x, net.const(net.rng.uniform(10, 20, (24, 1, 1))))
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert sum(isinstance(op, ir.Affine) for op in graph.ops) == 1
    assert sqnr(net) > 25


def test_a_flat_channel_of_one_sample_spoils_no_other():
    net = uneven(12, 1)
    usual, zeros = net.samples(4), {"x": np.zeros((1, 3, 24, 24), np.float32)}
    scales = []
    for samples in (usual, [*usual, zeros]):
        graph = import_graph(quantise(net.model(), samples))
        scales.append(next(t.scale for name, t in graph.tensors.items() if name.endswith("factor")))
    assert scales[0] == scales[1]


def test_sums_of_views_are_views():
    net = Net(1, 3, 6, 5, opset=17)
    views = [net.node("Transpose", net.conv(3, 8, 1, 1, x="x"), perm=[0, 2, 3, 1]) for _ in "ab"]
    net.node("Transpose", net.node("Add", *views), perm=[0, 3, 1, 2])
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert all(isinstance(op, ir.Conv) for op in graph.ops)


def test_what_no_convolution_can_take_is_a_layer():
    net = Net(1, 3, 24, 24)
    net.node("Add", net.conv(3, 6, 1, 1), net.conv(3, 6, 1, 1, x="x"))
    layer(net, 6)
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert sum(isinstance(op, ir.Affine) for op in graph.ops) == 2  # and the result's scale
    assert sqnr(net) > 25


def test_rare_large_values_hide_no_small_ones():
    """Where most squares are less than half a step of int8, the variance is right all the same."""
    net = Net(1, 6, 24, 24)
    net.node("Pow", net.x, net.const(3.0))
    name = layer(net, 6, affine=False)
    graph, steps = run(net)
    assert steps[0].max() <= 1
    x = golden.quantise_input(graph, "x", net.samples()[0]["x"])
    tensors = golden.run(graph, {"x": x})
    d, variance = (
        (tensors[t.name].astype(float) - t.zero) * t.scale
        for t in (graph.tensors[f"{name}/{what}"] for what in ("difference", "variance"))
    )
    assert (d**2 < (d**2).max() / 255 / 2).mean() > 0.5
    exact = (d**2).mean((2, 3), keepdims=True)
    np.testing.assert_allclose(variance, exact, rtol=0.05)


def test_the_function_stays_the_same():
    """Of a convolution, a transposed one and one whose result has another reader."""
    net = uneven(6, 30)
    first = net.x
    w = net.const(net.rng.standard_normal((6, 4, 2, 2)))
    net.node("ConvTranspose", first, w, strides=[2, 2])
    layer(net, 4, affine=False)
    second = net.conv(4, 5, 1, 1)
    net.node("Sub", layer(net, 5), second)
    samples = net.samples(3)
    model = fold(net.model(first, net.x))
    before = session(model).run(None, samples[0])
    weights = {t.name: t.SerializeToString() for t in model.graph.initializer}
    equalise(model, samples)
    after = session(model).run(None, samples[0])
    for a, b in zip(after, before, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())
    changed = {
        t.name for t in model.graph.initializer if weights.get(t.name) != t.SerializeToString()
    }
    convolutions = [n for n in model.graph.node if n.op_type.startswith("Conv")]
    assert [n.input[1] in changed for n in convolutions] == [True, True, False]


def test_a_quantised_model_is_refused():
    net = Net(1, 4, 5, 5)
    scale, zero = net.const(0.1), net.const(0, np.int8)
    net.node("DequantizeLinear", net.node("QuantizeLinear", "x", scale, zero), scale, zero)
    layer(net, 4)
    net.node("DequantizeLinear", net.node("QuantizeLinear", net.x, scale, zero), scale, zero)
    with pytest.raises(InputError, match="import the float model"):
        import_graph(quantise(net.model()))
