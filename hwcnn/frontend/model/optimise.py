"""Float graph clean-up before quantisation, by onnxruntime's own optimiser: constants and batch
norms folded, no-ops dropped.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper, shape_inference

from hwcnn.errors import InputError, RunError

from .weightless import is_large, without_weights

#: onnxruntime's logging level "fatal": its errors arrive as exceptions.
_QUIET = 4
#: Operators of constant weights.
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def session(model, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL, outputs=()):
    """An onnxruntime CPU session on a ModelProto, without optimisations unless asked. Raises
    InputError for what it refuses.

    outputs : names of further values that it can give.
    """
    weightless = without_weights(model)
    have = {o.name for o in weightless.graph.output}
    weightless.graph.output.extend(
        onnx.ValueInfoProto(name=n) for n in dict.fromkeys(outputs) if n not in have
    )
    bulky = [tensor for tensor in model.graph.initializer if is_large(tensor)]
    return open_session(weightless, [(t.name, numpy_helper.to_array(t)) for t in bulky], level)


def open_session(weightless, constants, level, optimised_path=None):
    """A session on a model as `without_weights` gives it, and its bulky constants: (name, array)."""
    options = ort.SessionOptions()
    values = [ort.OrtValue.ortvalue_from_numpy(array) for _, array in constants]
    if values:
        options.add_external_initializers([name for name, _ in constants], values)
    options.graph_optimization_level = level
    options.log_severity_level = _QUIET
    if optimised_path is not None:
        options.optimized_model_filepath = str(optimised_path)
    try:
        return ort.InferenceSession(
            weightless.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as e:  # onnxruntime's exceptions share no public base class
        if (
            optimised_path is not None
            and shutil.disk_usage(optimised_path.parent).free < weightless.ByteSize()
        ):
            raise RunError(
                f"{optimised_path.parent}: no space left there for the optimised model; free some"
            ) from e
        raise InputError(f"onnxruntime refuses the model: {' '.join(str(e).split())[:300]}") from e


def fold(model):
    """A new float ModelProto: constants folded, batch norms and per-channel Mul and Add folded into
    convolutions.

    Names of all tensors that remain are kept. All nodes have names, and all shapes are inferred.
    """
    unfoldable = _unfoldable(model)
    weightless = without_weights(model, as_inputs=lambda tensor: tensor.name in unfoldable)
    constants = [
        (t.name, numpy_helper.to_array(t))
        for t in model.graph.initializer
        if is_large(t) and t.name not in unfoldable
    ]
    with tempfile.TemporaryDirectory(prefix="hwcnn.") as folder:
        path = Path(folder) / "folded.onnx"
        open_session(weightless, constants, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, path)
        folded = onnx.load(path)
    inputs = [i for i in folded.graph.input if i.name not in unfoldable]
    del folded.graph.input[:]
    folded.graph.input.extend(inputs)
    folded.graph.initializer.extend(unfoldable.values())
    used = {n.domain for n in folded.graph.node} | {""}
    kept = [o for o in folded.opset_import if o.domain in used]
    del folded.opset_import[:]
    folded.opset_import.extend(kept)
    _binary_chains(folded)
    _canonical_gemms(folded)
    _unshare_weights(folded)
    name_nodes(folded)
    infer_shapes(folded)
    _check_finite(folded)
    return folded


def _check_finite(model):
    constants = {i.name: i for i in model.graph.initializer}
    for node in model.graph.node:
        for name in node.input[1:] if node.op_type in WEIGHTED else ():
            array = numpy_helper.to_array(constants[name]) if name in constants else np.zeros(1)
            if array.size and not np.isfinite([array.min(), array.max()]).all():
                raise InputError(
                    f"{node.name} ({node.op_type}): its constant {name!r} holds values that are not finite"
                )


def _unfoldable(model):
    """Weights that only Gemm and MatMul read, by name: there is nothing to fold into them."""
    readers = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    return {
        t.name: t
        for t in model.graph.initializer
        if is_large(t) and readers.get(t.name, set()) <= {"Gemm", "MatMul"}
    }


def infer_shapes(model, strict=False):
    """Infer the shape of every value, in place."""
    inferred = shape_inference.infer_shapes(
        without_weights(model), strict_mode=strict, data_prop=True
    ).graph
    for field in ("value_info", "output"):
        model.graph.ClearField(field)
        getattr(model.graph, field).extend(getattr(inferred, field))


def _binary_chains(model):
    """Write Sum, Max and Min of more than two operands as chains of two, in place."""
    nodes = []
    for node in model.graph.node:
        if node.op_type not in ("Sum", "Max", "Min") or len(node.input) <= 2:
            nodes.append(node)
            continue
        left = node.input[0]
        for i, right in enumerate(node.input[1:]):
            result = node.output[0] if i == len(node.input) - 2 else f"{node.output[0]}/{i}"
            nodes.append(
                onnx.helper.make_node(
                    node.op_type, [left, right], [result], name=f"{node.name or node.output[0]}/{i}"
                )
            )
            left = result
    _replace_nodes(model, nodes)


def _unshare_weights(model):
    """Give each of several nodes that share weights a copy, in place: onnxruntime's quantiser gives
    a constant one axis of scales.
    """
    constants = {i.name: i for i in model.graph.initializer}
    seen = set()
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if i == 0 or node.op_type not in WEIGHTED or name not in constants:
                continue
            if name in seen:
                node.input[i] = _constant(
                    model, f"{name}/{node.output[0]}", numpy_helper.to_array(constants[name])
                )
            seen.add(name)


def _replace_nodes(model, nodes):
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _canonical_gemms(model):
    """Fold alpha and beta of every Gemm into its constants, and make its bias [M], in place.

    onnxruntime's quantiser takes no other bias. One that differs from row to row becomes an Add
    after it.
    """
    constants = {i.name: i for i in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type == "Gemm" and all(name in constants for name in node.input[1:] if name):
            nodes += _canonical_gemm(
                model, node, [numpy_helper.to_array(constants[n]) for n in node.input[1:] if n]
            )
    _replace_nodes(model, nodes)


def _canonical_gemm(model, node, constants):
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    alpha, beta = attributes.pop("alpha", 1.0), attributes.pop("beta", 1.0)
    attributes = {name: int(bool(value)) for name, value in attributes.items()}  # transA and transB
    del node.attribute[:]
    node.attribute.extend(onnx.helper.make_attribute(k, v) for k, v in attributes.items())
    if alpha != 1:
        node.input[1] = _constant(
            model, f"{node.output[0]}/weight", constants[0] * np.float32(alpha)
        )
    if len(constants) == 1:
        return []
    width = constants[0].shape[0 if attributes.get("transB", 0) else 1]
    bias = constants[1] * np.float32(beta)
    try:
        rows = np.broadcast_to(bias, np.broadcast_shapes(bias.shape, (width,))).reshape(-1, width)
    except ValueError as e:
        raise InputError(
            f"{node.name or node.output[0]} (Gemm): its bias {list(bias.shape)} does not fit {width} outputs"
        ) from e
    if (rows == rows[0]).all():
        node.input[2] = _constant(model, f"{node.output[0]}/bias", rows[0])
        return []
    result = node.output[0]
    del node.input[2:]
    node.output[0] = f"{result}/product"
    return [
        onnx.helper.make_node(
            "Add",
            [node.output[0], _constant(model, f"{result}/bias", bias)],
            [result],
            name=f"{result}/add",
        )
    ]


def _constant(model, name, array):
    model.graph.initializer.append(
        numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name)
    )
    return name


def name_nodes(model):
    """Give every node a unique name, in place: its own, or the name of its first output."""
    seen = set()
    for node in model.graph.node:
        name = base = node.name or node.output[0]
        count = 1
        while name in seen:
            count += 1
            name = f"{base}_{count}"
        node.name = name
        seen.add(name)
