"""Float ONNX to QDQ ONNX (int8) with onnxruntime's own static quantiser.

Activations are int8 with a zero point, weights int8 symmetric per output channel, biases int32.
Every operator that the importer knows has quantised inputs and outputs; what follows the last of
them (softmax) stays float. Activation functions keep their node, so that none is lost where the
range of a tensor is wider than its activation's. All parts of a concatenation share one scale, so
that hardware concatenates by addresses alone. Constants of Mul, Add and BatchNormalization stay
float.
"""

import logging

import numpy as np
from onnx import TensorProto
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import check
from hwcnn.frontend.model.optimise import fold, infer_shapes, name_nodes

from . import calibrate
from .fused_values import SAME_SCALE, fused_values
from .host_tail import host_tail
from .quantise_outputs import quantise_outputs
from .snap_scales import snap_scales

#: Operators of quantised models: a model with any of these is taken as it is.
QUANTISED_OPS = {
    "QuantizeLinear",
    "DequantizeLinear",
    "QLinearConv",
    "QLinearMatMul",
    "ConvInteger",
    "MatMulInteger",
    "QLinearAdd",
    "QLinearMul",
    "QLinearConcat",
    "QGemm",
    "QLinearGlobalAveragePool",
    "QLinearAveragePool",
    "QLinearSigmoid",
    "QLinearLeakyRelu",
    "QLinearSoftmax",
    "DynamicQuantizeLinear",
}
#: Operators that onnxruntime must quantise like any other: average pooling with a scale of its own,
#: constants left float.
_GENERIC = {"BatchNormalization": "hwcnn_BatchNormalization", "AveragePool": "hwcnn_AveragePool"}


def is_quantised(model):
    return any(n.op_type in QUANTISED_OPS for n in model.graph.node)


def quantise(model, calibration=None, seed=0, percentile=None):
    """`model` as QDQ ONNX; a model that is quantised already is returned as it is, but for results
    left float (see `quantise_outputs`).

    model : as `load.load` gives it. calibration : iterable of {input name: float32 array of the
    input's shape, or of
        one image}, already preprocessed; None takes seeded normal noise. percentile : see
        `calibrate.ranges`.
    Raises InputError where onnxruntime or the samples are at fault.
    """
    if is_quantised(model):
        return quantise_outputs(model, calibration, seed)
    for value in model.graph.input:
        if value.type.tensor_type.elem_type != TensorProto.FLOAT:
            raise InputError(
                f"input {value.name!r} holds integers, but the model is not quantised: give it float32 and take out the Cast"
            )
    model = _folded(model)
    samples = calibrate.random_samples(model, seed) if calibration is None else calibration
    measured = calibrate.ranges(model, samples, percentile)
    result = _insert_qdq(model, _share_ranges(model, measured))
    infer_shapes(result)
    snap_scales(result)
    return result


def _folded(model):
    """The cleaned-up model, of which every operator is known to be supported."""
    try:
        folded = fold(model)
    except InputError:
        check(model)
        raise
    check(folded)
    return folded


class _Quantiser(QDQQuantizer):
    """onnxruntime's, except that constants of element-wise operators, and the values in `skip`,
    stay float.
    """

    skip = frozenset()

    def quantize_activation_tensor(self, tensor_name):
        if tensor_name and tensor_name not in self.skip and tensor_name not in self.initializers:
            super().quantize_activation_tensor(tensor_name)

    def quantize_bias_tensor(self, node_name, bias_name, input_name, weight_name, beta=1.0):
        """The bias of a transposed convolution in groups stays float: it has more channels than its
        weights have scales.
        """
        node = next(n for n in self.model.nodes() if n.name == node_name)
        if node.op_type != "ConvTranspose" or not any(
            a.name == "group" and a.i > 1 for a in node.attribute
        ):
            super().quantize_bias_tensor(node_name, bias_name, input_name, weight_name, beta)

    def adjust_tensor_ranges(self):
        """Ranges stay as measured: no activation is removed in favour of a saturating
        QuantizeLinear.
        """


def _insert_qdq(model, measured):
    tail = {n.name for n in host_tail(model)}
    nodes = [n for n in model.graph.node if n.name not in tail and n.op_type != "Constant"]
    for node in nodes:
        node.op_type = _GENERIC.get(node.op_type, node.op_type)
    data = TensorsData(
        CalibrationMethod.MinMax,
        {
            n: TensorData(lowest=np.float32(low), highest=np.float32(high))
            for n, (low, high) in measured.items()
        },
    )
    _mark_inferred(model)
    logging.disable(logging.WARNING)
    try:
        quantiser = _Quantiser(
            model,
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QInt8,
            tensors_range=data,
            nodes_to_quantize=[n.name for n in nodes],
            nodes_to_exclude=[],
            op_types_to_quantize=sorted({n.op_type for n in nodes}),
            extra_options={"QDQKeepRemovableActivations": True, "ForceQuantizeNoInputCheck": True},
        )
        quantiser.skip = fused_values(model)
        for name in sorted({t for n in nodes for t in [*n.input, *n.output]} & set(measured)):
            quantiser.quantize_activation_tensor(name)
        result = quantiser.quantize_model()
    except Exception as e:  # whatever onnxruntime's code raises on a model that it does not expect
        raise InputError(
            f"onnxruntime's quantiser refuses the model: {type(e).__name__}: {' '.join(str(e).split())[:200]}"
        ) from e
    finally:
        logging.disable(logging.NOTSET)
    original = {v: k for k, v in _GENERIC.items()}
    for node in result.graph.node:
        node.op_type = original.get(node.op_type, node.op_type)
    name_nodes(result)
    ONNXModel(result).topological_sort()
    return result


def _mark_inferred(model):
    """Tell onnxruntime that shapes are inferred, which saves its round trip through the disk."""
    entry = model.metadata_props.add()
    entry.key, entry.value = "onnx.infer", "onnxruntime.quant"


def _share_ranges(model, measured):
    """Ranges in which all tensors that must share a scale share the union of their ranges.

    These are the parts and the result of a concatenation, through operators that keep the scale.
    """
    parent = {}

    def root(name):
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for node in model.graph.node:
        if node.op_type == "Concat" or node.op_type in SAME_SCALE:
            names = node.input if node.op_type == "Concat" else node.input[:1]
            for name in names:
                for result in node.output if node.op_type == "Split" else node.output[:1]:
                    if name in measured and result in measured:
                        parent[root(name)] = root(result)
    groups = {}
    for name in measured:
        groups.setdefault(root(name), []).append(name)
    united = {}
    for names in groups.values():
        low, high = min(measured[n][0] for n in names), max(measured[n][1] for n in names)
        united |= dict.fromkeys(names, (low, high))
    return united
