"""Quantised operators (QLinearConv and its kind) written out as DequantizeLinear, the float
operator and QuantizeLinear.

ONNX defines them so, and the importer then knows one form only.
"""

from typing import Any, NoReturn

import onnx
from onnx import helper

from hwcnn.frontend.model.edit import replace

from .registry import Unsupported, operator

#: Operator to: its float operator, then the positions of (value, scale, zero point) of each
#: operand, and of the result's (scale, zero).
_FORMS: dict[str, tuple[str, list[tuple[int, int, int]], tuple[int, int]]] = {
    "QLinearConv": ("Conv", [(0, 1, 2), (3, 4, 5)], (6, 7)),
    "QLinearMatMul": ("MatMul", [(0, 1, 2), (3, 4, 5)], (6, 7)),
    "QLinearAdd": ("Add", [(0, 1, 2), (3, 4, 5)], (6, 7)),
    "QLinearMul": ("Mul", [(0, 1, 2), (3, 4, 5)], (6, 7)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", [(0, 1, 2)], (3, 4)),
    "QLinearAveragePool": ("AveragePool", [(0, 1, 2)], (3, 4)),
    "QLinearSigmoid": ("Sigmoid", [(0, 1, 2)], (3, 4)),
    "QLinearSoftmax": ("Softmax", [(0, 1, 2)], (3, 4)),
    "QLinearLeakyRelu": ("LeakyRelu", [(0, 1, 2)], (3, 4)),
    "QLinearReduceMean": ("ReduceMean", [(0, 1, 2)], (3, 4)),
    "QGemm": ("Gemm", [(0, 1, 2), (3, 4, 5)], (7, 8)),
}
for _name, (_float_op, *_) in (_FORMS | {"QLinearConcat": ("Concat",)}).items():

    @operator(
        _name,
        limits=f"written out as DequantizeLinear, {_float_op} and QuantizeLinear; channels first",
        runs_on="as the float operator",
    )
    def _refuse(*_: Any) -> NoReturn:
        """QLinearConv, QLinearMatMul (ONNX, opset 10-21) and operators of com.microsoft, opset 1:
        one that is left is of channels last.
        """
        raise Unsupported("channels_last = 1")


#: Marks the names of float values that only this expansion made.
MARK = "/float"


def expand(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model, changed in place, without quantised operators. Those of unknown form stay, for the
    importer to refuse by name.
    """
    nodes = [new for node in model.graph.node for new in _expanded(node)]
    replace(model.graph.node, nodes)
    if not any(o.domain in ("", "ai.onnx") for o in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", 13))
    return model


def _expanded(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    if node.op_type == "QLinearConcat":
        operands = [(i, i + 1, i + 2) for i in range(2, len(node.input), 3)]
        form = ("Concat", operands, (0, 1))
    elif node.op_type in _FORMS:
        form = _FORMS[node.op_type]
    else:
        return [node]
    float_op, operands, (scale, zero) = form
    before: list[onnx.NodeProto] = []
    floats: list[str] = []
    for i, positions in enumerate(operands):
        name = f"{node.output[0]}/{i}{MARK}"
        weight = i == 1 and float_op in ("Conv", "MatMul", "Gemm")
        before.append(
            _dequantise(
                name,
                *(_input(node, p) for p in positions),
                axis=_axis(float_op, node) if weight else 1,
            )
        )
        floats.append(name)
    before += _bias(node, float_op, floats)
    y = node.output[0] + MARK
    middle = helper.make_node(float_op, floats, [y], name=node.name or node.output[0])
    own = ("channels_last", "opset")
    middle.attribute.extend(a for a in node.attribute if a.name not in own)
    given = {a.name: a.i for a in node.attribute}
    if given.get("channels_last") or (given.get("opset", 13) < 13 and given.get("axis") != -1):
        return [node]
    after = helper.make_node(
        "QuantizeLinear",
        [y, *(i for i in (_input(node, scale), _input(node, zero)) if i)],
        [node.output[0]],
        name=f"{node.output[0]}/quantise",
    )
    return [*before, middle, after]


def _input(node: onnx.NodeProto, position: int) -> str:
    return node.input[position] if position < len(node.input) else ""


def _dequantise(name: str, value: str, scale: str, zero: str, axis: int) -> onnx.NodeProto:
    return helper.make_node(
        "DequantizeLinear", [value, scale, *([zero] if zero else [])], [name], name=name, axis=axis
    )


def _axis(float_op: str, node: onnx.NodeProto) -> int:
    """That of the output channels in the weights."""
    if float_op == "Gemm":
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    return 0 if float_op == "Conv" else 1


def _bias(node: onnx.NodeProto, float_op: str, floats: list[str]) -> list[onnx.NodeProto]:
    """Nodes that dequantise an int32 bias (of scale x_scale*w_scale), whose float name is appended
    to `floats`.
    """
    position = {"QLinearConv": 8, "QGemm": 6}.get(node.op_type)
    if position is None or not _input(node, position):
        return []
    base = f"{node.output[0]}/bias"
    floats.append(base + MARK)
    return [
        helper.make_node(
            "Mul", [node.input[1], node.input[4]], [base + "/scale"], name=base + "/scale"
        ),
        helper.make_node(
            "DequantizeLinear",
            [node.input[position], base + "/scale"],
            [base + MARK],
            name=base,
            axis=0,
        ),
    ]
