"""Ranges by each method, and corrected biases, against sums that onnxruntime or NumPy make."""

import numpy as np
import pytest
from float_nets import Net
from onnx import numpy_helper

from hwcnn.errors import InputError
from hwcnn.frontend.model.onnx_index import OnnxIndex
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise import calibrate
from hwcnn.frontend.quantise.clip_ranges import Histograms
from hwcnn.frontend.quantise.float_to_qdq import quantise


def identity():
    net = Net(1, 3, 120, 120)
    net.node("Relu")
    return net.model()


def with_outliers(seed=0):
    """Standard normal values and one that is far larger."""
    x = np.random.default_rng(seed).standard_normal((1, 3, 120, 120)).astype(np.float32)
    x[0, 0, 0, 0] = 60
    return x


def quantisation_error(x, low, high):
    """Mean square error of x in 256 steps between the ends."""
    scale = (high - low) / 255
    zero = np.rint(-128 - low / scale)
    return np.mean(((np.clip(np.rint(x / scale) + zero, -128, 127) - zero) * scale - x) ** 2)


def test_percentile_and_entropy_cut_outliers():
    samples = [{"x": with_outliers(seed)} for seed in range(3)]
    assert calibrate.ranges(identity(), samples)["relu0"] == (0, 60)
    for method in ("percentile", "entropy"):
        low, high = calibrate.ranges(identity(), samples, method)["x"]
        assert -6 < low < -1, method
        assert 1 < high < 50, method


@pytest.mark.parametrize("symmetric", [True, False])
def test_mse_has_less_error_than_the_extremes_and_their_fractions(symmetric):
    x = with_outliers() * 3
    x = x if symmetric else np.abs(x)
    samples = [{"x": x}]
    low, high = calibrate.ranges(identity(), samples, "mse")["x"]
    extremes = min(float(x.min()), 0.0), float(x.max())
    found = quantisation_error(x, low, high)
    for share in (1, 0.9, 0.75, 0.5, 0.3):
        assert found <= 1.02 * quantisation_error(x, extremes[0], extremes[1] * share), share


def test_histograms_do_not_grow_with_the_samples():
    histograms = Histograms({"x": (-1.0, 1.0)}, "mse")
    for size in (10, 10_000):
        histograms.add("x", np.linspace(-1, 1, size, dtype=np.float32))
    hist, *_ = histograms._collector.histogram_dict["x"]
    assert len(hist) == 2048
    assert hist.sum() == 10_010  # none is lost at the ends


@pytest.mark.parametrize("method", calibrate.METHODS)
def test_methods_take_generators_and_constant_tensors(method):
    zeros = {"x": np.zeros((1, 3, 120, 120), np.float32)}
    low, high = calibrate.ranges(identity(), (s for s in [zeros, zeros]), method)["relu0"]
    assert abs(low) < 1e-6
    assert abs(high) < 1e-6
    with pytest.raises(InputError, match="no samples"):
        calibrate.ranges(identity(), iter(()), method)


def corrected(net, samples):
    """The float model with the weights and biases of its quantised form, biases corrected."""
    model = net.model()
    qdq = quantise(model, samples, correct_bias=True)
    index = OnnxIndex(qdq.graph)
    node = next(n for n in qdq.graph.node if n.name == net.nodes[-1].name)

    def real(name):
        q, scale = (index.array(i).astype(np.float64) for i in index.producers[name].input[:2])
        axis = next((a.i for a in index.producers[name].attribute if a.name == "axis"), 1)
        return q * (scale.reshape([-1 if i == axis else 1 for i in range(q.ndim)]))

    constants = OnnxIndex(model.graph).constants
    for name, quantised in zip(net.nodes[-1].input[1:], node.input[1:], strict=False):
        value = real(quantised)
        constants[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    return model


@pytest.mark.parametrize("kind", ["conv", "grouped", "transposed", "gemm", "gemm, not transposed"])
def test_the_mean_of_each_channel_is_that_of_the_real_weights(kind):
    rng = np.random.default_rng(1)
    net = Net(1, 8) if kind.startswith("gemm") else Net(1, 8, 10, 10)
    if kind == "conv":
        net.conv(8, 6, 1, 1)
    elif kind == "grouped":
        net.conv(8, 6, 1, 1, groups=2)
    elif kind == "transposed":
        weights = net.const(rng.standard_normal((8, 6, 2, 2)))
        net.node("ConvTranspose", "x", weights, net.const(np.zeros(6)), strides=[2, 2])
    elif kind == "gemm":
        net.gemm(8, 6)
    else:
        weights = net.const(rng.standard_normal((8, 6)))
        net.node("Gemm", "x", weights, net.const(np.zeros(6)))
    samples = [
        {
            "x": (
                rng.standard_normal(net.shape)
                + 3 * np.arange(8).reshape(1, 8, *[1] * (len(net.shape) - 2))
            ).astype(np.float32)
        }
        for _ in range(4)
    ]

    def mean(model):
        run = session(model)
        results = np.concatenate([run.run(None, s)[0] for s in samples])
        return results.mean(axis=(0, *range(2, results.ndim)), dtype=np.float64)

    want = mean(net.model())
    off = np.abs(mean(corrected(net, samples)) - want)
    assert off.max() < 2e-4 * np.abs(want).max()


def test_biases_are_corrected_where_the_layer_has_none():
    net = Net(1, 8, 6, 6)
    weights = net.const(np.random.default_rng(2).standard_normal((5, 8, 1, 1)))
    net.node("Conv", "x", weights)
    samples = [{"x": np.full((1, 8, 6, 6), 7, np.float32)}]
    exact = session(net.model()).run(None, samples[0])[0]
    errors = []
    for correct in (False, True):
        qdq = quantise(net.model(), samples, correct_bias=correct)
        conv = next(n.output[0] for n in qdq.graph.node if n.op_type == "Conv")
        found = session(qdq, outputs=[conv]).run([conv], samples[0])[0]
        errors.append(np.abs(found - exact).max())
    assert errors[1] < errors[0] / 3
