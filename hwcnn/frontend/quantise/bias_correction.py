"""Bias correction: what rounding the weights adds to a layer's mean result is taken off its bias.

Nagel, van Baalen, Blankevoort and Welling, "Data-Free Quantization Through Weight Equalization and
Bias Correction" (ICCV 2019), section 4.2: the mean of ``(W_q - W) x`` over the samples is
``(W_q - W)`` times the mean of x. Here that mean is measured, a channel at a time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from hwcnn.frontend.model.onnx_index import OnnxIndex

from .calibrate import Run, Sample

FloatArray = npt.NDArray[np.float64]
_LAYERS = {"Conv", "ConvTranspose", "Gemm"}


def layers(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Those that can be corrected: of constant weights."""
    constants = OnnxIndex(model.graph).constants
    return [
        n
        for n in model.graph.node
        if n.op_type in _LAYERS and n.input[1] in constants and not _scaled(n)
    ]


def add_biases(model: onnx.ModelProto) -> None:
    """Give the layers that have no bias one of zeros, which the quantiser keeps."""
    constants = OnnxIndex(model.graph).constants
    for node in layers(model):
        if len(node.input) < 3 or not node.input[2]:
            name = f"{node.name}/bias"
            zeros = np.zeros(_results(node, tuple(constants[node.input[1]].dims)), np.float32)
            model.graph.initializer.append(numpy_helper.from_array(zeros, name))
            del node.input[2:]
            node.input.append(name)


@dataclass(frozen=True, eq=False)
class Layer:
    """weight : real. mean : of each channel of its operand, [Cin]."""

    weight: np.ndarray
    mean: FloatArray


def measure(model: onnx.ModelProto, samples: Iterable[Sample]) -> dict[str, Layer]:
    """What the correction of each layer takes, by the layer's name. model : float."""
    index, found = OnnxIndex(model.graph), layers(model)
    names = list(dict.fromkeys(node.input[0] for node in found))
    run, count = Run(model, names), 0
    sums: dict[str, FloatArray] = {}
    for sample in samples:
        count += 1
        for name, value in run.values(sample).items():
            mean = value.mean(axis=(0, *range(2, value.ndim)), dtype=np.float64)
            sums[name] = sums[name] + mean if name in sums else mean
    return {n.name: Layer(index.array(n.input[1]), sums[n.input[0]] / count) for n in found}


def correct(quantised: onnx.ModelProto, measured: Mapping[str, Layer]) -> None:
    """Change the int32 biases of a QDQ model in place. measured : of the float model."""
    index = OnnxIndex(quantised.graph)
    for node in quantised.graph.node:
        if node.name not in measured or len(node.input) < 3:
            continue
        weight, bias = (index.producers.get(name) for name in node.input[1:3])
        if weight is None or bias is None:
            continue  # left float
        layer = measured[node.name]
        error = _real(index, weight) - layer.weight
        scale = index.array(bias.input[1]).astype(np.float64)
        steps = np.rint(_mean_result(node, error, layer.mean) / scale)
        limits = np.iinfo(np.int32)
        held = np.clip(index.array(bias.input[0]) - steps, limits.min, limits.max)
        index.constants[bias.input[0]].CopyFrom(
            numpy_helper.from_array(held.astype(np.int32), bias.input[0])
        )


def _real(index: OnnxIndex, node: onnx.NodeProto) -> FloatArray:
    """What a DequantizeLinear of a constant gives, in float64."""
    q, scale = (index.array(name).astype(np.float64) for name in node.input[:2])
    along = [1] * q.ndim
    along[_attribute(node, "axis", 1)] = -1
    return q * (scale.reshape(along) if scale.size > 1 else scale)


def _mean_result(node: onnx.NodeProto, weight: FloatArray, mean: FloatArray) -> FloatArray:
    """The result of a layer, [Cout], where each channel of its operand is its mean everywhere."""
    if node.op_type == "Gemm":
        return weight @ mean if _attribute(node, "transB", 0) else mean @ weight
    groups = _attribute(node, "group", 1)
    taps = weight.sum(axis=tuple(range(2, weight.ndim)))
    if (
        node.op_type == "ConvTranspose"
    ):  # [Cin, Cout/groups]; a result meets 1/stride**2 of the taps
        stride = next((a.ints for a in node.attribute if a.name == "strides"), [1])
        parts = taps.reshape(groups, -1, taps.shape[1]) / np.prod(stride)
        return np.einsum("gio,gi->go", parts, mean.reshape(groups, -1)).reshape(-1)
    parts = taps.reshape(groups, -1, taps.shape[1])
    return np.einsum("goi,gi->go", parts, mean.reshape(groups, -1)).reshape(-1)


def _results(node: onnx.NodeProto, shape: tuple[int, ...]) -> int:
    """Output channels of a layer by the shape of its weights."""
    if node.op_type == "ConvTranspose":
        return shape[1] * _attribute(node, "group", 1)
    return shape[1] if node.op_type == "Gemm" and not _attribute(node, "transB", 0) else shape[0]


def _scaled(node: onnx.NodeProto) -> bool:
    """A Gemm that is more than a product and a bias."""
    return any(
        (a.name == "transA" and a.i) or (a.name in ("alpha", "beta") and a.f != 1)
        for a in node.attribute
    )


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((a.i for a in node.attribute if a.name == name), default)
