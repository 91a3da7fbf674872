"""What an operation of the integer IR must satisfy: shapes that fit each other, and numbers that
the hardware's fields hold.

Each check raises ValueError with the operation's name first. What depends on data (a sum that
leaves the 32-bit accumulator) is not checked here: golden raises OverflowError there.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hwcnn.fixedpoint import INT8_MAX, INT8_MIN, MANT_BITS, MAX_SHIFT
from hwcnn.resampling import MAX_WEIGHT

from .ops import (
    Affine,
    Concat,
    Conv,
    ConvTranspose,
    Depthwise,
    Eltwise,
    Lrn,
    Lut,
    Op,
    Pool,
    Resize,
    Second,
)
from .tensor import Shape, Tensor

Tensors = Mapping[str, Tensor]
Integers = int | npt.NDArray[Any]

#: (least, greatest) of the fields of instructions and parameters.
INT8 = INT8_MIN, INT8_MAX
UNSIGNED_MANTISSA = 0, (1 << MANT_BITS) - 1
SIGNED_MANTISSA = -(1 << MANT_BITS), (1 << MANT_BITS) - 1
SHIFT = 0, MAX_SHIFT
INT32 = -(1 << 31), (1 << 31) - 1
INT40 = -(1 << 39), (1 << 39) - 1
#: Of an operand less its zero point (`Eltwise.ca`, `Eltwise.cb`).
NEGATED_ZERO = -INT8_MAX, -INT8_MIN
LRN_TABLE_SIZE, LRN_MAX_SIZE = 1024, 5


def check_tensor(tensor: Tensor) -> None:
    """Raises ValueError where it is no int8 map [N, C, H, W] with a positive, finite scale."""
    if (
        len(tensor.shape) != 4
        or min(tensor.shape) < 1
        or not INT8_MIN <= tensor.zero <= INT8_MAX
        or not 0 < tensor.scale < math.inf
    ):
        raise ValueError(f"bad tensor {tensor}")


def check_op(op: Op, tensors: Tensors) -> None:
    """Raises ValueError where the operation's parameters do not fit each other or its operands.

    tensors : its operands and its result, at least.
    """
    _CHECKS[type(op)](op, tensors)


def _conv(op: Conv, tensors: Tensors) -> None:
    _weights(op, op.groups * op.weight.shape[1], len(op.weight), tensors[op.x].shape[1])
    _positive(op, groups=op.groups)
    _windows(op, tensors)
    _clamps(op.name, op.low, op.high)
    if op.second is None:
        _zero_of(op, op.zero, tensors[op.y], "zero")
    else:
        _second(op, op.second, tensors)


def _depthwise(op: Depthwise, tensors: Tensors) -> None:
    channels = tensors[op.x].shape[1]
    if op.weight.dtype != np.int8 or op.weight.shape[:2] != (channels, 1):
        raise ValueError(f"{op.name}: weight is {op.weight.dtype} {list(op.weight.shape)}")
    _per_channel(op, channels, mantissa=op.mantissa, c=op.c, shift=op.shift)
    _in_range(op, UNSIGNED_MANTISSA, mantissa=op.mantissa)
    _in_range(op, INT40, c=op.c)
    _in_range(op, SHIFT, shift=op.shift)
    _windows(op, tensors)
    _clamped(op, tensors)


def _windows(op: Conv | Depthwise, tensors: Tensors) -> None:
    """Windows over the padded map, and the size of the result."""
    x, y = tensors[op.x].shape, tensors[op.y].shape
    span = [(k - 1) * d + 1 for k, d in zip(op.weight.shape[2:], op.dilation, strict=True)]
    padded = [n + a + b for n, a, b in zip(x[2:], op.pads[:2], op.pads[2:], strict=True)]
    _positive(op, stride=op.stride, dilation=op.dilation)
    if any(n < k for n, k in zip(padded, span, strict=True)):
        raise ValueError(f"{op.name}: a window of {span} is larger than the padded map {padded}")
    rows, cols = ((n - k) // s + 1 for n, k, s in zip(padded, span, op.stride, strict=True))
    _result(op, y, (x[0], len(op.weight), rows, cols))
    _in_range(op, INT8, pad_value=op.pad_value, zero=op.zero)


def _second(op: Conv, second: Second, tensors: Tensors) -> None:
    if second.residual is not None:
        _same(op, "residual", tensors[second.residual].shape, tensors[op.y].shape)
    _in_range(op, SIGNED_MANTISSA, ma=second.ma, mb=second.mb)
    _in_range(op, INT32, c=second.c)
    _in_range(op, SHIFT, shift=second.shift)
    _zero_of(op, second.zero, tensors[op.y], "zero of the second stage")
    _clamps(f"{op.name} (second stage)", second.low, second.high)


def _conv_transpose(op: ConvTranspose, tensors: Tensors) -> None:
    x, y = tensors[op.x], tensors[op.y].shape
    channels = op.groups * op.weight.shape[1]
    _weights(op, len(op.weight), channels, x.shape[1])
    _positive(op, stride=op.stride, dilation=op.dilation, groups=op.groups)
    _result(op, y, (x.shape[0], channels, *y[2:]))
    _zero_of(op, op.x_zero, x, "x_zero")
    _clamped(op, tensors)


def _weights(op: Conv | ConvTranspose, c_in: int, c_out: int, x_channels: int) -> None:
    if op.weight.ndim != 4 or op.weight.dtype != np.int8:
        raise ValueError(f"{op.name}: weight is {op.weight.dtype} {list(op.weight.shape)}")
    if c_in != x_channels:
        raise ValueError(f"{op.name}: weights for {c_in} channels, but x has {x_channels}")
    if c_in % op.groups or c_out % op.groups:
        raise ValueError(f"{op.name}: {c_in} to {c_out} channels do not fit {op.groups} groups")
    _per_channel(op, c_out, bias=op.bias, mantissa=op.mantissa, shift=op.shift)
    _in_range(op, INT32, bias=op.bias)
    _in_range(op, UNSIGNED_MANTISSA, mantissa=op.mantissa)
    _in_range(op, SHIFT, shift=op.shift)


def _resize(op: Resize, tensors: Tensors) -> None:
    x, y = tensors[op.x], tensors[op.y].shape
    largest = 1
    for axis, what, (index, weight) in ((2, "rows", op.rows), (3, "cols", op.cols)):
        for array in (index, weight):
            _same(op, what, array.shape, (y[axis], index.shape[-1]))
        _in_range(op, (0, x.shape[axis] - 1), **{f"index of {what}": index})
        _in_range(op, (0, MAX_WEIGHT), **{f"weight of {what}": weight})
        largest *= int(weight.max())
    if largest > MAX_WEIGHT:
        raise ValueError(f"{op.name}: a product of weights is {largest}: at most {MAX_WEIGHT}")
    _result(op, y, (*x.shape[:2], *y[2:]))
    _in_range(op, UNSIGNED_MANTISSA, mantissa=op.mantissa)
    _in_range(op, SHIFT, shift=op.shift)
    _zero_of(op, op.x_zero, x, "x_zero")
    _clamped(op, tensors)


def _pool(op: Pool, tensors: Tensors) -> None:
    x, y = tensors[op.x], tensors[op.y].shape
    _result(op, y, (*x.shape[:2], *y[2:]))
    _positive(op, kernel=op.kernel, stride=op.stride)
    _in_range(op, (0, max(x.shape) + max(op.kernel)), pads=np.array(op.pads))
    for axis in (0, 1):
        last = (y[2 + axis] - 1) * op.stride[axis]
        if last >= x.shape[2 + axis] + op.pads[axis] + op.pads[axis + 2]:
            raise ValueError(f"{op.name}: the last of its windows starts beyond the padded map")
    if op.kind not in ("max", "average"):
        raise ValueError(f"{op.name}: kind {op.kind!r}: expected max or average")
    needed = {0} if op.kind == "max" else _tap_counts(op, x.shape, y)
    if missing := needed - op.multipliers.keys():
        raise ValueError(f"{op.name}: no multiplier for windows of {min(missing)} taps")
    for mantissa, shift in op.multipliers.values():
        _in_range(op, UNSIGNED_MANTISSA, mantissa=mantissa)
        _in_range(op, SHIFT, shift=shift)
    _zero_of(op, op.x_zero, x, "x_zero")
    _clamped(op, tensors)


def _tap_counts(op: Pool, x: Shape, y: Shape) -> set[int]:
    """The numbers of taps inside the map that its windows have."""
    counts: list[set[int]] = []
    for axis in (0, 1):
        first = np.arange(y[2 + axis]) * op.stride[axis] - op.pads[axis]
        last = np.minimum(first + op.kernel[axis], x[2 + axis])
        counts.append({int(n) for n in np.maximum(last - np.maximum(first, 0), 0)})
    return {rows * cols for rows in counts[0] for cols in counts[1]}


def _eltwise(op: Eltwise, tensors: Tensors) -> None:
    a, b, y = tensors[op.a], tensors[op.b], tensors[op.y].shape
    if op.kind not in ("add", "mul", "max", "min"):
        raise ValueError(f"{op.name}: kind {op.kind!r}: expected add, mul, max or min")
    _result(op, y, a.shape)
    if b.shape not in (a.shape, (*a.shape[:2], 1, 1)):
        raise ValueError(f"{op.name}: b {list(b.shape)} does not broadcast to {list(a.shape)}")
    _in_range(op, NEGATED_ZERO, ca=op.ca, cb=op.cb)
    _in_range(op, SIGNED_MANTISSA, ma=op.ma, mb=op.mb)
    _in_range(op, INT32, c=op.c)
    _in_range(op, SHIFT, shift=op.shift)
    _zero_of(op, -op.ca, a, "-ca")
    _zero_of(op, -op.cb, b, "-cb")
    _clamped(op, tensors)


def _affine(op: Affine, tensors: Tensors) -> None:
    x = tensors[op.x].shape
    _result(op, tensors[op.y].shape, x)
    _per_channel(op, x[1], mantissa=op.mantissa, c=op.c, shift=op.shift)
    _in_range(op, SIGNED_MANTISSA, mantissa=op.mantissa)
    _in_range(op, INT32, c=op.c)
    _in_range(op, SHIFT, shift=op.shift)
    _clamped(op, tensors)


def _lut(op: Lut, tensors: Tensors) -> None:
    _result(op, tensors[op.y].shape, tensors[op.x].shape)
    _same(op, "table", op.table.shape, (256,))
    _in_range(op, INT8, table=op.table)


def _lrn(op: Lrn, tensors: Tensors) -> None:
    _result(op, tensors[op.y].shape, tensors[op.x].shape)
    if op.size % 2 == 0 or not 1 <= op.size <= LRN_MAX_SIZE:
        raise ValueError(f"{op.name}: size {op.size}: expected an odd one, at most {LRN_MAX_SIZE}")
    _same(op, "table", op.table.shape, (LRN_TABLE_SIZE,))
    _in_range(op, UNSIGNED_MANTISSA, table=op.table)
    _in_range(op, SHIFT, shift=op.shift)
    _zero_of(op, op.x_zero, tensors[op.x], "x_zero")
    _zero_of(op, op.zero, tensors[op.y], "zero")


def _concat(op: Concat, tensors: Tensors) -> None:
    y, xs = tensors[op.y], [tensors[name] for name in op.xs]
    if not xs:
        raise ValueError(f"{op.name}: no operands")
    channels = sum(x.shape[1] for x in xs)
    for x in xs:
        _result(op, y.shape, (x.shape[0], channels, *x.shape[2:]))
        if (x.scale, x.zero) != (y.scale, y.zero):
            raise ValueError(f"{op.name}: {x.name!r} has another scale or zero point than {op.y!r}")


def _result(op: Op, found: Shape, expected: tuple[int, ...]) -> None:
    if found != expected:
        raise ValueError(f"{op.name}: computes {list(expected)}, but {op.y!r} is {list(found)}")


def _same(op: Op, what: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise ValueError(f"{op.name}: {what} is {list(found)}, expected {list(expected)}")


def _per_channel(op: Op, channels: int, **arrays: npt.NDArray[Any]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "iu":
            raise ValueError(f"{op.name}: {name} is {array.dtype}, expected integers")
        _same(op, name, array.shape, (channels,))


def _positive(op: Op, **values: int | tuple[int, int]) -> None:
    for name, value in values.items():
        if np.min(value) < 1:
            raise ValueError(f"{op.name}: {name} = {value}, expected at least 1")


def _in_range(op: Op, bounds: tuple[int, int], **values: Integers) -> None:
    for name, value in values.items():
        low, high = int(np.min(value)), int(np.max(value))
        if low < bounds[0] or high > bounds[1]:
            bad = low if low < bounds[0] else high
            raise ValueError(f"{op.name}: {name} = {bad}, expected {bounds[0]} to {bounds[1]}")


def _zero_of(op: Op, found: int, tensor: Tensor, what: str) -> None:
    if found != tensor.zero:
        raise ValueError(f"{op.name}: {what} = {found}, but {tensor.name!r} has {tensor.zero}")


def _clamps(what: str, low: int, high: int) -> None:
    if not INT8_MIN <= low <= high <= INT8_MAX:
        raise ValueError(f"{what}: clamps to [{low}, {high}], expected a range of int8")


def _clamped(
    op: ConvTranspose | Depthwise | Resize | Pool | Eltwise | Affine, tensors: Tensors
) -> None:
    _zero_of(op, op.zero, tensors[op.y], "zero")
    _clamps(op.name, op.low, op.high)


_CHECKS: dict[type, Callable[[Any, Tensors], None]] = {
    Conv: _conv,
    ConvTranspose: _conv_transpose,
    Depthwise: _depthwise,
    Resize: _resize,
    Pool: _pool,
    Eltwise: _eltwise,
    Affine: _affine,
    Lut: _lut,
    Lrn: _lrn,
    Concat: _concat,
}
