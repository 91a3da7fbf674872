"""One form of each operator for onnxruntime's quantiser: normalisations written out, operands in
pairs, Gemm without factors, weights that no two nodes share. All change the model in place.
"""

import numpy as np
import onnx
from onnx import helper

from hwcnn.errors import InputError

from .edit import add_constant, infer_shapes, name_nodes, replace
from .instance_norm import instance_norm
from .l2_norm import l2_norm, l2_quotient
from .layer_norm import layer_norm
from .onnx_index import OnnxIndex
from .pair_softmax import write_pairs
from .written_norms import written_out

#: Operators of constant weights.
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
#: What is written out as other operators, where that can be.
NORMS = {
    "InstanceNormalization": instance_norm,
    "LayerNormalization": layer_norm,
    "LpNormalization": l2_norm,
    "Div": l2_quotient,
}


def canonicalise(model: onnx.ModelProto) -> None:
    """All of the rewrites. Raises InputError where a Gemm's bias does not fit it."""
    _write_out_norms(model)
    write_pairs(model)
    _binary_chains(model)
    _canonical_gemms(model)
    _unshare_weights(model)


def _write_out_norms(model: onnx.ModelProto) -> None:
    if not any(n.op_type in NORMS for n in model.graph.node):
        return
    name_nodes(model)
    infer_shapes(model)
    index, nodes, gone = OnnxIndex(model.graph), list[onnx.NodeProto](), set[str]()
    for node in model.graph.node:
        norm = NORMS[node.op_type](index, node) if node.op_type in NORMS else None
        if norm is None:
            nodes.append(node)
        else:
            nodes += written_out(model, node, norm)
            gone.update(norm.gone)
    replace(model.graph.node, [n for n in nodes if n.name not in gone])


def _binary_chains(model: onnx.ModelProto) -> None:
    """Write Sum, Max and Min of more than two operands as chains of two."""
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type not in ("Sum", "Max", "Min") or len(node.input) <= 2:
            nodes.append(node)
            continue
        left = node.input[0]
        for i, right in enumerate(node.input[1:]):
            result = node.output[0] if i == len(node.input) - 2 else f"{node.output[0]}/{i}"
            name = f"{node.name or node.output[0]}/{i}"
            nodes.append(helper.make_node(node.op_type, [left, right], [result], name=name))
            left = result
    replace(model.graph.node, nodes)


def _canonical_gemms(model: onnx.ModelProto) -> None:
    """Fold alpha and beta of every Gemm into its constants, and make its bias [M].

    onnxruntime's quantiser takes no other bias. One that differs from row to row becomes an Add
    after it.
    """
    index = OnnxIndex(model.graph)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        nodes.append(node)
        names = [name for name in node.input[1:] if name]
        if node.op_type == "Gemm" and all(name in index.constants for name in names):
            nodes += _canonical_gemm(model, node, [index.array(name) for name in names])
    replace(model.graph.node, nodes)


def _canonical_gemm(
    model: onnx.ModelProto, node: onnx.NodeProto, constants: list[np.ndarray]
) -> list[onnx.NodeProto]:
    """Changes one Gemm of those constants (weights, maybe a bias); returns the nodes after it."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    alpha, beta = attributes.pop("alpha", 1.0), attributes.pop("beta", 1.0)
    attributes = {name: int(bool(value)) for name, value in attributes.items()}  # transA and transB
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
    if alpha != 1:
        weight = constants[0] * np.float32(alpha)
        node.input[1] = add_constant(model, f"{node.output[0]}/weight", weight)
    if len(constants) == 1:
        return []
    width = constants[0].shape[0 if attributes.get("transB", 0) else 1]
    bias = constants[1] * np.float32(beta)
    try:
        rows = np.broadcast_to(bias, np.broadcast_shapes(bias.shape, (width,))).reshape(-1, width)
    except ValueError as e:
        raise InputError(
            f"{node.name or node.output[0]} (Gemm): its bias {list(bias.shape)} does not fit "
            f"{width} outputs"
        ) from e
    if (rows == rows[0]).all():
        node.input[2] = add_constant(model, f"{node.output[0]}/bias", rows[0])
        return []
    result = node.output[0]
    del node.input[2:]
    node.output[0] = f"{result}/product"
    operands = [node.output[0], add_constant(model, f"{result}/bias", bias)]
    return [helper.make_node("Add", operands, [result], name=f"{result}/add")]


def _unshare_weights(model: onnx.ModelProto) -> None:
    """Give each of several nodes that share weights a copy: onnxruntime's quantiser gives a
    constant one axis of scales.
    """
    index = OnnxIndex(model.graph)
    seen: set[str] = set()
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if i == 0 or node.op_type not in WEIGHTED or name not in index.constants:
                continue
            if name in seen:
                copy = f"{name}/{node.output[0]}"
                node.input[i] = add_constant(model, copy, index.array(name))
            seen.add(name)
