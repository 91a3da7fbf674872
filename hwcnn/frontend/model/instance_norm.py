"""InstanceNormalization written out as operators that the accelerator has, so that the quantiser
measures what lies between them:

    x = BatchNormalization(input), neutral: `quantise.equalise` may use it
    d = x - mean(x);  s = d * d;  v = mean(min(s, 4)) + mean(max(s - 4, 0))
    result = d * 1/sqrt(v + epsilon) * scale + bias

The squares are averaged in two parts since int8 of all of them would round off the small ones.

Groups of channels (GroupNormalization, as PyTorch writes it) take their means over a group's
channels too, by a convolution of the channels' means.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from .edit import add_constant, infer_shapes, name_nodes, replace
from .onnx_index import OnnxIndex

#: Ends the names of the neutral batch norms.
EQUALISER = "/equalised"
#: Where the squares are split.
SPLIT = 4.0


@dataclass(frozen=True)
class _Norm:
    """What a normalisation reads, gives and does. shape : of the map. groups : of channels, 0 where
    each is one; scale, bias : [C]; gone : names of the other nodes that it stands for.
    """

    source: str
    result: str
    shape: tuple[int, ...]
    groups: int
    scale: np.ndarray
    bias: np.ndarray
    gone: tuple[str, ...] = ()


def write_out(model: onnx.ModelProto) -> None:
    """Replace, in place, every InstanceNormalization (ONNX opset 6-22) of [N, C, L] or [N, C, H, W]
    with constant parameters. model : its nodes are given names.
    """
    if not any(n.op_type == "InstanceNormalization" for n in model.graph.node):
        return
    name_nodes(model)
    infer_shapes(model)
    index, nodes, gone = OnnxIndex(model.graph), list[onnx.NodeProto](), set[str]()
    for node in model.graph.node:
        norm = _norm(index, node) if node.op_type == "InstanceNormalization" else None
        if norm is None:
            nodes.append(node)
        else:
            nodes += _Writer(model, node, norm).nodes()
            gone.update(norm.gone)
    replace(model.graph.node, [n for n in nodes if n.name not in gone])


def _norm(index: OnnxIndex, node: onnx.NodeProto) -> _Norm | None:
    """Of a node, and of the Reshapes around it and the constants a channel behind it where it
    normalises groups of channels; None where its shape or its parameters are not known.
    """
    shape = index.shapes.get(node.input[0], ())
    if len(shape) not in (3, 4) or any(name not in index.constants for name in node.input[1:]):
        return None
    scale, bias = (index.array(name) for name in node.input[1:])
    norm = _Norm(node.input[0], node.output[0], shape, 0, scale, bias)
    before, after = index.producers.get(norm.source), _only_reader(index, norm.result)
    if before is None or after is None or {before.op_type, after.op_type} != {"Reshape"}:
        return norm
    whole, groups = index.shapes[before.input[0]], shape[1]
    if (
        len(whole) not in (3, 4)
        or whole != index.shapes[after.output[0]]
        or whole[1] % groups
        or whole[0] != shape[0]
        or (scale != scale[0]).any()
        or (bias != bias[0]).any()
        or _only_reader(index, norm.source) is None
    ):
        return norm
    scale, bias = (np.full(whole[1], v[0]) for v in (scale, bias))
    gone = before.name, after.name
    return _scaled(index, _Norm(before.input[0], after.output[0], whole, groups, scale, bias, gone))


def _only_reader(index: OnnxIndex, name: str) -> onnx.NodeProto | None:
    """The node that reads a value, if it is the only one and the value no output."""
    readers = index.readers.get(name, [])
    return readers[0] if len(readers) == 1 and name not in index.outputs else None


def _scaled(index: OnnxIndex, norm: _Norm) -> _Norm:
    """The normalisation with a product and a sum with constants a channel behind it."""
    for op in ("Mul", "Add"):
        reader = _only_reader(index, norm.result)
        names = [] if reader is None else [i for i in reader.input if i in index.constants]
        if reader is None or reader.op_type != op or len(names) != 1:
            continue
        constant, rank = index.array(names[0]), len(norm.shape)
        by_channel = (norm.shape[1], *(1,) * (rank - 2))
        if constant.shape not in (by_channel, (1, *by_channel)):
            continue
        values = constant.reshape(-1)
        scale, bias = (
            (norm.scale * values, norm.bias * values)
            if op == "Mul"
            else (norm.scale, norm.bias + values)
        )
        gone = (*norm.gone, reader.name)
        norm = dataclasses.replace(norm, result=reader.output[0], scale=scale, bias=bias, gone=gone)
    return norm


class _Writer:
    """The nodes of one normalisation, whose names begin with the node's."""

    def __init__(self, model: onnx.ModelProto, node: onnx.NodeProto, norm: _Norm):
        self.model, self.name, self.norm = model, node.name, norm
        self.epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        self.made: list[onnx.NodeProto] = []

    def nodes(self) -> list[onnx.NodeProto]:
        """In order."""
        norm, channels = self.norm, self.norm.shape[1]
        x = self._batch_norm(norm.source, "equalised", np.ones(channels), np.zeros(channels))
        d = self._add("Sub", [x, self._mean(x, "mean")], "difference")
        square, split = self._add("Mul", [d, d], "square"), self._constant("split", SPLIT)
        low = self._mean(self._add("Min", [square, split], "square/low"), "low")
        above = self._add(
            "Relu", [self._add("Sub", [square, split], "square/above")], "square/high"
        )
        variance = self._add("Add", [low, self._mean(above, "high")], "variance")
        biased = self._add("Add", [variance, self._constant("epsilon", self.epsilon)], "biased")
        root = self._add("Sqrt", [biased], "deviation")
        y = self._add("Mul", [d, self._add("Reciprocal", [root], "factor")], "normal")
        if (norm.scale != 1).any() or norm.bias.any():
            self._batch_norm(y, "scaled", norm.scale, norm.bias)
        self.made[-1].output[0] = norm.result
        return self.made

    def _add(self, op: str, inputs: list[str], what: str) -> str:
        name = f"{self.name}/{what}"
        self.made.append(helper.make_node(op, inputs, [name], name=name))
        return name

    def _set(self, attribute: str, value: float) -> None:
        """Of the node made last."""
        self.made[-1].attribute.append(helper.make_attribute(attribute, value))

    def _constant(self, what: str, value: np.ndarray | float) -> str:
        return add_constant(self.model, f"{self.name}/{what}/constant", np.asarray(value))

    def _batch_norm(self, x: str, what: str, scale: np.ndarray, bias: np.ndarray) -> str:
        neutral = np.zeros(len(scale)), np.ones(len(scale))
        constants = [
            self._constant(f"{what}/{part}", value)
            for part, value in zip(
                ("scale", "bias", "mean", "variance"), (scale, bias, *neutral), strict=True
            )
        ]
        name = self._add("BatchNormalization", [x, *constants], what)
        self._set("epsilon", 0.0)
        return name

    def _mean(self, x: str, what: str) -> str:
        """Over rows and columns, and over the channels of a group."""
        groups, shape = self.norm.groups, self.norm.shape
        if not groups:
            return self._add("GlobalAveragePool", [x], what)
        size = shape[1] // groups
        weight = np.full((shape[1], size, *(1,) * (len(shape) - 2)), 1 / size)
        by_channel = self._add("GlobalAveragePool", [x], f"{what}/channels")
        result = self._add("Conv", [by_channel, self._constant(f"{what}/weight", weight)], what)
        self._set("group", groups)
        return result
