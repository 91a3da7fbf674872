"""Which InstanceNormalizations of an ONNX graph can be written out, those of groups of channels
(GroupNormalization, as PyTorch writes it) among them.
"""

import dataclasses

import numpy as np
import onnx

from .onnx_index import OnnxIndex
from .written_norms import Norm


def instance_norm(index: OnnxIndex, node: onnx.NodeProto) -> Norm | None:
    """What an InstanceNormalization (ONNX opset 6-22) of [N, C, L] or [N, C, H, W] does, with the
    Reshapes around it and the constants a channel behind it where it
    normalises groups of channels; None where its shape or its parameters are not known.
    """
    shape = index.shapes.get(node.input[0], ())
    if len(shape) not in (3, 4) or any(name not in index.constants for name in node.input[1:]):
        return None
    scale, bias = (index.array(name) for name in node.input[1:])
    norm = Norm(node.input[0], node.output[0], shape, scale, bias)
    before, after = index.producers.get(norm.source), only_reader(index, norm.result)
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
        or only_reader(index, norm.source) is None
    ):
        return norm
    scale, bias = (np.full(whole[1], v[0]) for v in (scale, bias))
    return scaled(
        index,
        Norm(
            before.input[0],
            after.output[0],
            whole,
            scale,
            bias,
            "group",
            groups,
            gone=(before.name, after.name),
        ),
    )


def only_reader(index: OnnxIndex, name: str) -> onnx.NodeProto | None:
    """The node that reads a value, if it is the only one and the value no output."""
    readers = index.readers.get(name, [])
    return readers[0] if len(readers) == 1 and name not in index.outputs else None


def scaled(index: OnnxIndex, norm: Norm) -> Norm:
    """The normalisation joined with a product and a sum with constants a channel behind it."""
    for op in ("Mul", "Add"):
        reader = only_reader(index, norm.result)
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
