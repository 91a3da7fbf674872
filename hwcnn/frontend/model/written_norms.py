"""Normalisations written out as operators that the accelerator has, so that the quantiser measures
what lies between them:

    x = BatchNormalization(input), neutral: `quantise.equalise` may use it
    d = x - mean(x);  s = d * d;  v = mean(min(s, 4)) + mean(max(s - 4, 0))
    result = d * 1/sqrt(v + epsilon) * scale + bias

Where a map is only divided by the root of its squares, the mean is left out.
The squares are averaged in two parts since int8 of all of them would round off the small ones.
Means are over rows and columns; over a group of channels too, by a convolution of the channels'
means; or over the channels of each pixel, by a convolution.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import onnx
from onnx import helper

from .edit import add_constant

#: Ends the names of the neutral batch norms.
EQUALISER = "/equalised"
#: Where the squares are split.
SPLIT = 4.0


@dataclass(frozen=True)
class Norm:
    """What a normalisation reads, gives and does. shape : of the map; scale, bias : [C].

    over : what its means are of; groups : of channels, where that is "group". centred : the mean
    is taken off. before, after : nodes
    that make the map, and the result's layout; gone : names of nodes that it stands for.
    """

    source: str
    result: str
    shape: tuple[int, ...]
    scale: np.ndarray
    bias: np.ndarray
    over: Literal["map", "group", "channels"] = "map"
    groups: int = 0
    centred: bool = True
    before: list[onnx.NodeProto] = field(default_factory=list)
    after: list[onnx.NodeProto] = field(default_factory=list)
    gone: tuple[str, ...] = ()


def written_out(model: onnx.ModelProto, node: onnx.NodeProto, norm: Norm) -> list[onnx.NodeProto]:
    """The nodes, in order, that do what `norm` says of `node`, whose names begin with the node's;
    their constants are added to the model.
    """
    return [*norm.before, *_Writer(model, node, norm).nodes(), *norm.after]


class _Writer:
    """The nodes of one normalisation, whose names begin with the node's."""

    def __init__(self, model: onnx.ModelProto, node: onnx.NodeProto, norm: Norm):
        self.model, self.name, self.norm = model, node.name, norm
        usual = 1e-5 if norm.centred else 1e-12
        self.epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), usual)
        self.made: list[onnx.NodeProto] = []

    def nodes(self) -> list[onnx.NodeProto]:
        """In order."""
        norm, channels = self.norm, self.norm.shape[1]
        x = self._batch_norm(norm.source, "equalised", np.ones(channels), np.zeros(channels))
        d = self._add("Sub", [x, self._mean(x, "mean")], "difference") if norm.centred else x
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
        norm, channels = self.norm, self.norm.shape[1]
        if norm.over == "map":
            return self._add("GlobalAveragePool", [x], what)
        if norm.over == "group":
            x = self._add("GlobalAveragePool", [x], f"{what}/channels")
        size = channels // norm.groups if norm.over == "group" else channels
        outputs = channels if norm.over == "group" else 1
        weight = np.full((outputs, size, *(1,) * (len(norm.shape) - 2)), 1 / size)
        result = self._add("Conv", [x, self._constant(f"{what}/weight", weight)], what)
        self._set("group", max(1, norm.groups))
        return result
