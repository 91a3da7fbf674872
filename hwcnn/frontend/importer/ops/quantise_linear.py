"""QuantizeLinear and DequantizeLinear: scales of maps, and the integers of constants."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.expand_qlinear import MARK
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import (
    Const,
    DequantisedConst,
    Host,
    Input,
    Linear,
    Padded,
    PlainConst,
    along,
)

FloatArray = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]

_LIMITS = (
    "int8 and uint8, constant scales, one for a map; by channel for weights only; int32 for biases"
)


@operator("QuantizeLinear", attributes=("axis",), limits=_LIMITS, runs_on="with its producer")
def quantise(
    ctx: Context, node: onnx.NodeProto, x: Value, scale: Value, zero: Value | None = None
) -> Value:
    """ONNX QuantizeLinear, opset 10-28, to int8 and uint8: x of any shape, scale and zero point
    constant scalars, or along an axis where x is constant. Unsupported: other types, block_size,
    computed or per-channel scales of maps, what the host computes.
    """
    if isinstance(x, Host):
        raise Unsupported("it quantises what the host computes")
    scales, zeros, kind = _parameters(node, scale, zero, np.dtype(np.uint8))
    ctx.types[node.output[0]] = kind
    if isinstance(x, Const):
        return _quantised_constant(node, x, scales, zeros, kind)
    name = node.input[0]
    producer = ctx.index.producers.get(name, node)
    if name.endswith(MARK) or name in ctx.tensors:
        name = node.output[0]
    return ctx.quantise(producer.name, x, name, *_of_map(scales, zeros, kind))


@operator("DequantizeLinear", attributes=("axis",), limits=_LIMITS, runs_on="nothing")
def dequantise(
    ctx: Context, node: onnx.NodeProto, x: Value, scale: Value, zero: Value | None = None
) -> Value:
    """ONNX DequantizeLinear, opset 10-28, of int8 and uint8, of constants int32 too; as
    QuantizeLinear.
    """
    if isinstance(x, Const):
        scales, zeros, _ = _parameters(
            node, scale, zero, x.array.dtype, (np.int8, np.uint8, np.int32)
        )
        axis = attributes(node).get("axis", 1)
        q = x.array - along(zeros, axis, x.array.ndim) if zeros.any() else x.array
        return DequantisedConst(q, scales.reshape(-1), axis)
    kind = ctx.types.get(node.input[0], np.dtype(np.uint8))
    real_scale, int8_zero = _of_map(*_parameters(node, scale, zero, kind))
    if isinstance(x, Input):
        return replace(ctx.quantise(node.name, x, x.name, real_scale, int8_zero), raw=False)
    if not isinstance(x, Linear | Padded) or not x.raw:
        raise Unsupported("it dequantises a value that no QuantizeLinear made")
    tensor = ctx.tensor(x)
    x = replace(x, raw=False)
    if (tensor.scale, tensor.zero) == (real_scale, int8_zero):
        return x
    if isinstance(x, Padded):
        raise Unsupported("it dequantises a padded map with another scale")
    return replace(x, mul=real_scale / tensor.scale, add=real_scale * (tensor.zero - int8_zero))


def _parameters(
    node: onnx.NodeProto,
    scale: Value,
    zero: Value | None,
    kind: np.dtype,
    allowed: Sequence[npt.DTypeLike] = (np.int8, np.uint8),
) -> tuple[FloatArray, Int64Array, np.dtype]:
    """(scales, zero points, integer type). kind : of the integers where no zero point tells it."""
    if not isinstance(scale, Const) or not (zero is None or isinstance(zero, Const)):
        raise Unsupported(
            "its scale is computed at run time (dynamic quantisation): quantise statically"
        )
    if attributes(node).get("block_size", 0):
        raise Unsupported("block-wise quantisation")
    kind = kind if zero is None else zero.array.dtype
    if kind not in [np.dtype(a) for a in allowed]:
        raise Unsupported(f"type {kind}: only int8 and uint8 are supported")
    scales = np.asarray(scale.array, np.float32)
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise Unsupported("a scale that is not positive")
    zeros = np.zeros(scales.shape, np.int64) if zero is None else zero.array.astype(np.int64)
    return scales, zeros, kind


def _of_map(scales: FloatArray, zeros: Int64Array, kind: np.dtype) -> tuple[float, int]:
    """The scale and the zero point of a map, in int8: uint8 is shifted by 128."""
    if scales.size != 1 or zeros.size != 1:
        raise Unsupported("a scale for each channel of a map: only weights can have that")
    return float(scales.item()), int(zeros.item()) - (128 if kind == np.uint8 else 0)


def _quantised_constant(
    node: onnx.NodeProto, x: Const, scales: FloatArray, zeros: Int64Array, kind: np.dtype
) -> PlainConst:
    axis, rank = attributes(node).get("axis", 1), x.array.ndim
    q = np.rint(x.array.astype(np.float32) / along(scales, axis, rank)) + along(zeros, axis, rank)
    return PlainConst(np.clip(q, np.iinfo(kind).min, np.iinfo(kind).max).astype(kind))
