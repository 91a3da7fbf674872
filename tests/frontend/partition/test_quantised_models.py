"""Models that come quantised, by onnxruntime's quantiser, with nodes that the accelerator refuses:
their parts give what onnxruntime gives of the model as it came.
"""

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from parts import CONV, FLOAT, W, model, node, run, sample, weights

from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.model.session import session
from hwcnn.frontend.partition.network import Quantisation, partition

FORMATS = [
    (QuantFormat.QDQ, QuantType.QInt8),
    (QuantFormat.QDQ, QuantType.QUInt8),
    (QuantFormat.QOperator, QuantType.QInt8),
    (QuantFormat.QOperator, QuantType.QUInt8),
]
each_format = pytest.mark.parametrize("form, kind", FORMATS)
TRUNK = [CONV, node("Relu", ["a"], ["b"])]


class Samples(CalibrationDataReader):
    def __init__(self, net):
        self.left = [sample(net, seed) for seed in range(3)]

    def get_next(self):
        return self.left.pop() if self.left else None


def turns_of(net, folder, form, kind):
    """As `parts.split`, of the network quantised by onnxruntime."""
    onnx.save(net, folder / "float.onnx")
    quantize_static(
        folder / "float.onnx",
        folder / "quantised.onnx",
        Samples(net),
        quant_format=form,
        per_channel=True,
        activation_type=kind,
        weight_type=QuantType.QInt8,
    )
    given = normalise(onnx.load(folder / "quantised.onnx"), "quantised")
    feed = sample(net)
    expected = session(given).run(None, feed)
    network = partition(given, Quantisation([feed]))
    for (name, value), wanted in zip(run(network, feed).items(), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-6, atol=1e-6, err_msg=name)
    return [
        f"{'H' if part.on_host else 'A'}: {' '.join(n.removesuffix('_quant') for n in part.nodes)}"
        for part in network.parts
    ]


@each_format
def test_a_softmax_at_the_end_that_is_quantised(tmp_path, form, kind):
    nodes = [
        *(*TRUNK, node("GlobalAveragePool", ["b"], ["g"]), node("Flatten", ["g"], ["f"])),
        *(node("Gemm", ["f", "gw"], ["l"]), node("Softmax", ["l"], ["y"])),
    ]
    net = model(nodes, W | {"gw": weights(8, 10)}, {"y": (2, FLOAT)}, x=(1, 3, 6, 6))
    assert turns_of(net, tmp_path, form, kind) == ["A: a g f l", "H: y"]


@each_format
def test_a_sigmoid_at_the_end_that_is_quantised(tmp_path, form, kind):
    net = model([*TRUNK, node("Sigmoid", ["b"], ["y"])], W, {"y": (4, FLOAT)}, x=(1, 3, 6, 6))
    assert turns_of(net, tmp_path, form, kind) == ["A: a y"]


@each_format
def test_an_island(tmp_path, form, kind):
    nodes = [
        *(*TRUNK, node("CumSum", ["b", "axis"], ["c"]), node("Conv", ["c", "v"], ["d"])),
        *(node("Relu", ["d"], ["y"]), node("Add", ["d", "d"], ["z"])),
    ]
    net = model(nodes, W, {"y": (4, FLOAT), "z": (4, FLOAT)}, x=(1, 3, 6, 6))
    found = turns_of(net, tmp_path, form, kind)
    assert found[:2] == ["A: a", "H: c"]
    assert found[2].startswith("A: d")


@each_format
def test_a_softmax_between_convolutions(tmp_path, form, kind):
    nodes = [*TRUNK, node("Softmax", ["b"], ["c"], axis=1), node("Conv", ["c", "v"], ["y"])]
    net = model(nodes, W, {"y": (4, FLOAT)}, x=(1, 3, 6, 6))
    assert turns_of(net, tmp_path, form, kind) == ["A: a", "H: c", "A: y"]


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
@pytest.mark.filterwarnings("ignore:.*run on the host")
def test_attention(tmp_path, form):
    names = ["q", "k", "v"]
    nodes = [
        *[node("Conv", ["x", f"w{n}"], [n]) for n in names],
        *[node("Reshape", [n, "s"], [f"{n}2"]) for n in names],
        node("Transpose", ["q2"], ["q3"], perm=[0, 2, 1]),
        *(node("MatMul", ["q3", "k2"], ["scores"]), node("Softmax", ["scores"], ["p"], axis=-1)),
        *(node("Transpose", ["p"], ["t"], perm=[0, 2, 1]), node("MatMul", ["v2", "t"], ["mix"])),
        *(node("Reshape", ["mix", "s4"], ["map"]), node("Conv", ["map", "wo"], ["out"])),
        node("Add", ["out", "x"], ["y"]),
    ]
    constants = {f"w{n}": weights(8, 8, 1, 1, seed=i) for i, n in enumerate([*names, "o"])}
    constants |= {"s": np.array([1, 8, 36]), "s4": np.array([1, 8, 6, 6])}
    net = model(nodes, constants, {"y": (4, FLOAT)}, x=(1, 8, 6, 6))
    found = turns_of(net, tmp_path, form, QuantType.QInt8)
    assert found == ["A: q k v", "H: q2 k2 v2 q3 scores p t mix map", "A: out y"]


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_a_shape_that_the_model_computes(tmp_path, form):
    nodes = [
        *(*TRUNK, node("Shape", ["b"], ["sh"]), node("Gather", ["sh", "zero"], ["n"])),
        *(node("Concat", ["n", "rest"], ["to"], axis=0), node("Reshape", ["b", "to"], ["f"])),
        *(node("Gemm", ["f", "gw"], ["g"]), node("CumSum", ["g", "one"], ["y"])),
    ]
    constants = dict(zero=np.array([0]), rest=np.array([-1]), one=np.array(1))
    constants |= W | {"gw": weights(288, 10)}
    net = model(nodes, constants, {"y": (2, FLOAT)}, x=(1, 3, 6, 6))
    assert turns_of(net, tmp_path, form, QuantType.QInt8) == ["A: a f g", "H: y"]
