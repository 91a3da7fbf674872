"""Float ONNX to QDQ ONNX (int8) with onnxruntime's own static quantiser.

Activations are int8 with a zero point, weights int8 symmetric per output channel, biases int32.
Every operator that the importer knows has quantised inputs and outputs; what follows the last of
them (softmax) stays float. Activation functions keep their node, so that none is lost where the
range of a tensor is wider than its activation's. All operands of a concatenation share one scale,
so that hardware concatenates by addresses alone. Constants of Mul, Add and BatchNormalization stay
float.
"""

from collections.abc import Collection, Iterable, Mapping

import onnx
from onnx import TensorProto

from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import check
from hwcnn.frontend.model.edit import infer_shapes
from hwcnn.frontend.model.optimise import fold

from . import bias_correction, calibrate
from .equalise import equalise, normalisations, widened
from .fused_values import SAME_SCALE
from .host_tail import host_tail
from .insert_qdq import insert_qdq
from .normalised_inputs import put_back, take_out
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


def is_quantised(model: onnx.ModelProto) -> bool:
    """True where the model has any operator of quantised models."""
    return any(n.op_type in QUANTISED_OPS for n in model.graph.node)


def quantise(
    model: onnx.ModelProto,
    calibration: Iterable[calibrate.Sample] | None = None,
    seed: int = 0,
    method: str = "minmax",
    correct_bias: bool = False,
) -> onnx.ModelProto:
    """`model` as QDQ ONNX; a model that is quantised already is returned as it is, but for results
    left float (see `quantise_outputs`).

    model : as `load.load` gives it. calibration : samples of every input, already preprocessed;
    None takes noise of that seed. method : of `calibrate.METHODS`. correct_bias : see
    `bias_correction`. Raises InputError where the model, onnxruntime or the samples are at fault.
    """
    if is_quantised(model):
        return quantise_outputs(model, calibration, seed)
    folded = folded_float(model)
    check(folded)
    return quantise_folded(folded, calibration, seed, method, correct_bias)


def folded_float(model: onnx.ModelProto) -> onnx.ModelProto:
    """A float model cleaned up, its nodes named. Raises InputError for inputs that are not float32,
    and for what onnxruntime refuses.
    """
    for value in model.graph.input:
        if value.type.tensor_type.elem_type != TensorProto.FLOAT:
            raise InputError(
                f"input {value.name!r} holds integers, but the model is not quantised: give it "
                "float32 and take out the Cast"
            )
    try:
        return fold(model)
    except InputError:
        check(model)  # its reason, if there is one, says more than onnxruntime's
        raise


def quantise_folded(
    model: onnx.ModelProto,
    calibration: Iterable[calibrate.Sample] | None = None,
    seed: int = 0,
    method: str = "minmax",
    correct_bias: bool = False,
    host: Collection[str] = (),
) -> onnx.ModelProto:
    """As `quantise`, of what `folded_float` gives, which is used up; all operators but the host's
    are supported.

    host : names of the nodes that stay float, beside the float end.
    """
    samples = calibrate.random_samples(model, seed) if calibration is None else list(calibration)
    if norms := normalisations(model):
        equalise(model, samples)
    if correct_bias:
        bias_correction.add_biases(model)
    late = host or {n.name for n in host_tail(model)}
    nodes = [n for n in model.graph.node if n.name not in late and n.op_type != "Constant"]
    touched = {v for n in nodes for v in [*n.input, *n.output]}
    names = [v for v in calibrate.activations(model) if v in touched]
    ranges = widened(norms, calibrate.ranges(model, samples, method, names))
    ranges = _share_ranges(nodes, ranges)
    measured = bias_correction.measure(model, samples) if correct_bias else {}
    normalised = take_out(model, host)
    ranges |= {name: ranges[taken.value] for name, taken in normalised.items()}
    result = insert_qdq(model, ranges, {n.name for n in nodes})
    infer_shapes(result)
    snap_scales(result)
    if normalised:
        put_back(result, normalised)
        infer_shapes(result)
    bias_correction.correct(result, measured)
    return result


def _share_ranges(
    nodes: Iterable[onnx.NodeProto], measured: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Ranges in which all tensors of `nodes` that must share a scale share the union of their
    ranges.

    These are the operands and the result of a concatenation, through operators that keep the scale.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for node in nodes:
        if node.op_type == "Concat" or node.op_type in SAME_SCALE:
            names = node.input if node.op_type == "Concat" else node.input[:1]
            for name in names:
                for result in node.output if node.op_type == "Split" else node.output[:1]:
                    if name in measured and result in measured:
                        parent[root(name)] = root(result)
    groups: dict[str, list[str]] = {}
    for name in measured:
        groups.setdefault(root(name), []).append(name)
    shared: dict[str, tuple[float, float]] = {}
    for names in groups.values():
        low, high = min(measured[n][0] for n in names), max(measured[n][1] for n in names)
        shared |= dict.fromkeys(names, (low, high))
    return shared
