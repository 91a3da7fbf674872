"""Normalisation at the inputs: constants that a float model subtracts from a picture and multiplies
it by, as exporters put them into the graph.

The host quantises inputs anyway, by a multiplication and an addition: it does the constants' too,
in float32 as ONNX does, so that no cycle of the accelerator is spent on them, and the first
convolution reads the input itself. That is exact at the borders too, where the convolution pads
what is normalised with zeros.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from hwcnn.frontend.model.edit import add_constant, replace
from hwcnn.frontend.model.onnx_index import OnnxIndex

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Normalisation:
    """``x * gain + offset`` of an input x. value : the name of the result. gain, offset : float64,
    of one value or of one a channel ([C, 1, ...], to be broadcast).
    """

    value: str
    gain: FloatArray
    offset: FloatArray


def take_out(model: onnx.ModelProto, host: Collection[str] = ()) -> dict[str, Normalisation]:
    """Take the constants' nodes behind each float input out of the model, in place: the input
    stands for their result then. Returns what was taken, by the input's name.

    Only nodes are taken that alone read what they work on, with constants of one value a channel:
    Add, Sub, Mul, Div and BatchNormalization. host : names of nodes that stay float, whose operands
    and results are not touched.
    """
    index = OnnxIndex(model.graph)
    found: dict[str, Normalisation] = {}
    taken: list[str] = []
    for value in model.graph.input:
        last, nodes = _chain(index, value.name, host)
        if nodes:
            found[value.name] = last
            taken += nodes
    if not taken:
        return {}
    replace(model.graph.node, [n for n in model.graph.node if n.output[0] not in taken])
    renamed = {n.value: name for name, n in found.items()}
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
    return found


def put_back(model: onnx.ModelProto, taken: Mapping[str, Normalisation]) -> None:
    """Have a quantised model compute again, as Mul and Add in float, what `take_out` took out of
    it.
    """
    nodes: list[onnx.NodeProto] = []
    for name, norm in taken.items():
        readers = [n for n in model.graph.node if name in n.input]
        result = name
        for kind, values, idle in (("Mul", norm.gain, 1), ("Add", norm.offset, 0)):
            if (values != idle).any():
                constant, y = add_constant(model, f"{name}/{kind}", values), f"{name}/{kind}/y"
                nodes.append(helper.make_node(kind, [result, constant], [y], name=f"{name}/{kind}"))
                result = y
        for node in readers:
            for i, operand in enumerate(node.input):
                if operand == name:
                    node.input[i] = result
    replace(model.graph.node, [*nodes, *model.graph.node])


def _chain(index: OnnxIndex, name: str, host: Collection[str]) -> tuple[Normalisation, list[str]]:
    """What the nodes after an input make of it, and their results."""
    shape, nodes = index.shapes[name], list[str]()
    norm = Normalisation(name, np.ones(1), np.zeros(1))
    while len(index.readers.get(norm.value, ())) == 1:
        (node,) = index.readers[norm.value]
        step = _step(index, node, norm.value, shape)
        if step is None or node.output[0] in index.outputs or node.name in host:
            break
        if any(reader.name in host for reader in index.readers.get(node.output[0], ())):
            break
        gain, offset = step
        norm = Normalisation(node.output[0], norm.gain * gain, norm.offset * gain + offset)
        nodes.append(node.output[0])
    sane = np.isfinite(norm.gain).all() and np.isfinite(norm.offset).all() and norm.gain.all()
    return norm, nodes if sane else []


def _step(
    index: OnnxIndex, node: onnx.NodeProto, x: str, shape: tuple[int, ...]
) -> tuple[FloatArray, FloatArray] | None:
    """(gain, offset) of a node that reads x of some shape, or None where it is of another kind."""
    names = [name for name in node.input if name != x]
    if len(shape) < 2 or not names or any(name not in index.constants for name in names):
        return None
    arrays = [index.array(name).astype(np.float64) for name in names]
    if node.op_type == "BatchNormalization" and len(arrays) == 4:
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        gamma, beta, mean, variance = (a.reshape(-1, *[1] * (len(shape) - 2)) for a in arrays)
        gain = gamma / np.sqrt(variance + epsilon)
        return gain, beta - gain * mean
    constant = _by_channel(arrays[0], shape)
    if constant is None or len(node.input) != 2:
        return None
    first, one, zero = node.input[0] == x, np.ones(1), np.zeros(1)
    if node.op_type == "Add":
        return one, constant
    if node.op_type == "Sub":
        return (one, -constant) if first else (-one, constant)
    if node.op_type == "Mul":
        return constant, zero
    if node.op_type == "Div" and first and constant.all():
        return 1 / constant, zero
    return None


def _by_channel(array: FloatArray, shape: tuple[int, ...]) -> FloatArray | None:
    """A constant that meets a value of some shape as [C or 1, 1, ...], or None where it is not one
    value a channel.
    """
    if array.ndim > len(shape):
        return None
    array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)[0]
    return array if array.size == 1 or array.size == array.shape[0] == shape[1] else None
