"""Instance and layer normalisation in integers against float, on activations of several kinds.

    python bench/normalisation.py [--size N] [--channels C] [--out PAGE]

The network is one convolution of 1x1, which scales each channel, and the normalisation of its
result, calibrated on four maps and measured on four others. One row each goes to docs/networks.md.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from page import NETWORKS, record

from hwcnn import golden
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.quantise.float_to_qdq import quantise

SECTION = "Normalisation at run time"
INTRO = """InstanceNormalization: mean and variance are those of each picture and channel (of groups
of channels too), computed in int8: the mean by a global
average, the difference by a subtraction that hardware repeats over the map, its square by two
tables (up to four times the variance, and what exceeds that: one table would round off the small
ones), the variance as the sum of their global averages, the inverse of its root by a table, and a
product repeated over the map; scale and bias are an affine operation a channel. A convolution
before it is given weights with which all channels have mean 0 and variance 1 on the calibration
samples, which changes nothing of the result: otherwise a channel of a tenth of the size would have
a tenth of the 256 steps, and its variance a hundredth. LayerNormalization over the channels of each
pixel is computed likewise, its means by convolutions with equal weights, and so is the division of
each pixel's channels by the root of their squares (LpNormalization). SQNR: signal to noise
ratio of the result against the same formula in float on the same int8 map, of maps other than those
of the calibration. "Rounding alone": that of the float result rounded to int8. Made by
`python bench/normalisation.py`."""

#: Name to what draws values of variance 1, how far channels differ in size, offsets in units of
#: their size, and the size of the measured maps in that of the calibration's.
KINDS = {
    "normal": ("normal", 1, 0, 1),
    "layer normalisation, normal": ("normal", 1, 0, 1),
    "length one, ReLU of normal": ("relu", 1, 0, 1),
    "layer normalisation, Laplace": ("laplace", 1, 1, 1),
    "normal, channels from 1 to 100": ("normal", 100, 0, 1),
    "normal, offsets of 3": ("normal", 10, 3, 1),
    "normal, half as large as calibrated": ("normal", 10, 0, 0.5),
    "normal, a quarter as large as calibrated": ("normal", 10, 0, 0.25),
    "Laplace, channels from 1 to 10": ("laplace", 10, 1, 1),
    "Student t (4), channels from 1 to 10": ("t", 10, 1, 1),
    "ReLU of normal, channels from 1 to 10": ("relu", 10, 0, 1),
}
_SAMPLES = 8


def values(rng, kind, shape):
    """Of variance 1, and a picture's own size around it."""
    drawn = {
        "normal": lambda: rng.standard_normal(shape),
        "laplace": lambda: rng.laplace(0, 0.5**0.5, shape),
        "t": lambda: rng.standard_t(4, shape) / 2**0.5,
        "relu": lambda: np.maximum(rng.standard_normal(shape), 0) / 0.58,
    }[kind]()
    return (drawn * rng.uniform(0.7, 1.4, (1, shape[1], 1, 1))).astype(np.float32)


def network(rng, channels, size, spread, offset, layer):
    """The ModelProto. spread : of the largest channel to the smallest; layer : "layer" or
    "length" for normalisations of the channels of each pixel.
    """
    gain = np.exp(rng.uniform(-0.5, 0.5, channels) * np.log(spread))
    constants = {
        "w": np.diag(gain)[:, :, None, None],
        "b": gain * rng.uniform(-offset, offset, channels),
        "one": np.ones(channels),
        "zero": np.zeros(channels),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["map"], name="map"),
        helper.make_node("InstanceNormalization", ["map", "one", "zero"], ["y"], name="y"),
    ]
    if layer == "length":
        nodes[1] = helper.make_node("LpNormalization", ["map"], ["y"], name="y", axis=1, p=2)
    elif layer == "layer":
        nodes[1:] = [
            helper.make_node("Transpose", ["map"], ["last"], perm=[0, 2, 3, 1]),
            helper.make_node("LayerNormalization", ["last", "one", "zero"], ["normal"], name="y"),
            helper.make_node("Transpose", ["normal"], ["y"], perm=[0, 3, 1, 2]),
        ]
    shape = [1, channels, size, size]
    graph = helper.make_graph(
        nodes,
        "normalisation",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return normalise(model, "normalisation")


def measure(model, samples, layer):
    """(SQNR of the result, of rounding alone) in dB. layer : see `network`."""
    half = len(samples) // 2
    graph = import_graph(quantise(model, samples[:half]))
    source, result = (graph.tensors[name] for name in (graph.ops[0].y, graph.outputs[0]))
    signal = noise = rounding = 0.0
    for sample in samples[half:]:
        inputs = {n: golden.quantise_input(graph, n, sample[n]) for n in graph.inputs}
        tensors = golden.run(graph, inputs)
        x, y = (real(tensors[t.name], t) for t in (source, result))
        axes = 1 if layer in ("layer", "length") else (2, 3)
        exact = (x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True)
        if layer == "length":
            exact = x / np.sqrt((x**2).sum(1, keepdims=True))
        int8 = np.clip(np.rint(exact / result.scale) + result.zero, -128, 127)
        signal += (exact**2).sum()
        noise += ((y - exact) ** 2).sum()
        rounding += ((real(int8, result) - exact) ** 2).sum()
    return 10 * np.log10(signal / noise), 10 * np.log10(signal / rounding)


def real(q, tensor):
    """Dequantised."""
    return (np.asarray(q, np.float64) - tensor.zero) * tensor.scale


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--out", type=Path, default=NETWORKS)
    args = parser.parse_args(arguments)
    for name, (kind, spread, offset, gain) in KINDS.items():
        rng = np.random.default_rng(1)
        layer = name.split()[0]
        model = network(rng, args.channels, args.size, spread, offset, layer)
        shape = 1, args.channels, args.size, args.size
        samples = [{"x": values(rng, kind, shape)} for _ in range(_SAMPLES)]
        for sample in samples[_SAMPLES // 2 :]:
            sample["x"] *= np.float32(gain)
        sqnr, rounding = measure(model, samples, layer)
        row = {
            "activations": name,
            "SQNR": f"{sqnr:.1f} dB",
            "rounding alone": f"{rounding:.1f} dB",
        }
        print(", ".join(row.values()))
        record(SECTION, INTRO, row, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
