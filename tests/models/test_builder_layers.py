"""Layers of the builder that stand for something else, against what they stand for."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hwcnn.models.builder import Builder
from hwcnn.models.geometry.voxels import deconvolution
from hwcnn.models.graphs.gcn import gcn, neighbours
from hwcnn.models.onnx_model import onnx_model
from onnx import helper

from hwcnn import models
from hwcnn.errors import InputError


def run(model, *inputs):
    """The first output of a model for inputs in its order."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))[0]


def values(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_bilinear_kernels_enlarge_as_resize_does(factor):
    """All but the edges, where Resize repeats pixels and the kernel sees zeros."""
    x, b = values(1, 3, 6, 5), Builder("bilinear", 3, (6, 5))
    large = run(onnx_model(b, b.bilinear("up", "input", factor)), x)
    node = helper.make_node("Resize", ["input", "", "scales"], ["y"], mode="linear")
    info = helper.make_tensor_value_info
    scales = helper.make_tensor("scales", onnx.TensorProto.FLOAT, (4,), (1, 1, factor, factor))
    graph = helper.make_graph(
        [node],
        "resize",
        [info("input", onnx.TensorProto.FLOAT, x.shape)],
        [info("y", onnx.TensorProto.FLOAT, None)],
        [scales],
    )
    opset = [helper.make_opsetid("", 17)]
    expected = run(helper.make_model(graph, ir_version=8, opset_imports=opset), x)
    around = (large.shape[2] - expected.shape[2]) // 2
    large = large[:, :, around:, around:][:, :, : expected.shape[2], : expected.shape[3]]
    inner = slice(factor, -factor)
    assert large[:, :, inner, inner] == pytest.approx(expected[:, :, inner, inner], abs=1e-5)


@pytest.mark.parametrize("kernel, stride", [(4, 1), (5, 2), (4, 2)])
def test_deconvolution_of_voxels_is_one_in_three_dimensions(kernel, stride):
    depth, inputs, channels = 3, 4, 5
    x, b = values(1, depth * inputs, 3, 3), Builder("voxels", depth * inputs, 3)
    name, new_depth = deconvolution(b, "up", "input", depth, channels, kernel, stride)
    flat = run(onnx_model(b, name), x).reshape(new_depth, channels, *b.shapes[name][1:])
    weight = b.seeded("up.weight", (inputs, channels, *(kernel,) * 3), 2.0 * stride**3, outputs=1)
    cube = x.reshape(depth, inputs, 3, 3).transpose(1, 0, 2, 3)
    size = 2 * stride + kernel
    expected = np.zeros((channels, size, size, size))
    for d, h, w in np.ndindex(3, 3, 3):
        taps = np.einsum("i,iodhw->odhw", cube[:, d, h, w], weight)
        at = tuple(slice(k * stride, k * stride + kernel) for k in (d, h, w))
        expected[:, *at] += taps
    assert flat.transpose(1, 0, 2, 3) == pytest.approx(expected, abs=1e-4)


def test_graph_convolution_is_two_products_a_layer():
    x, b = values(1, 12, 20, 1), Builder("gcn", 12, (20, 1))
    y = run(onnx_model(b, gcn(b, "input")), x)[0, :, 0]
    model = onnx_model(b, "layer2")
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    first, second = (weights[f"layer{k}.features.weight"][:, :, 0, 0].T for k in (1, 2))
    a = neighbours(b, 20)
    assert (a == a.T).all() and (np.diag(a) > 0).all()
    expected = a @ np.maximum(a @ x[0, :, :, 0].T @ first, 0) @ second
    assert y == pytest.approx(expected, abs=1e-5)


def test_shared_weights_are_there_once():
    b = Builder("twins", 3, 8)
    other = b.input("other", (3, 8, 8))
    left, right = (b.conv(n, x, 4, 3, weights="conv") for n, x in (("a", "input"), ("b", other)))
    model = onnx_model(b, (left, right))
    assert [i.name for i in model.graph.initializer] == ["conv.weight", "conv.bias"]
    x = values(1, 3, 8, 8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    a, c = session.run(None, {"input": x, "other": x})
    assert (a == c).all() and a.shape == (1, 4, 6, 6)


def test_sizes_that_do_not_fit_are_refused():
    b = Builder("slices", 3, 8)
    with pytest.raises(InputError, match="slices: the input size 8 does not fit: part is"):
        b.slice("part", "input", (0, 4, 0), (3, 5, 8))
    with pytest.raises(InputError, match="size 112 does not fit: both joins maps of different"):
        models.build("yolov3-tiny", 0.125, 112)
    with pytest.raises(InputError, match="siamfc: the input size 140 is too small"):
        models.build("siamfc", 0.125, 140)
    with pytest.raises(InputError, match="crnn: the input size 8x40 is too small"):
        models.build("crnn", 0.125, (8, 40))
