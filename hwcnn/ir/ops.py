"""The operations of the integer IR, each with its exact formula.

rhe: rounded half to even (`fixedpoint.round_shift`). Ranges are those that `checks` holds every
operation to: a mantissa without a sign has 17 bits, one with a sign 18, a shift is from 0 to 48,
constants and biases are int32, clamps and zero points int8.
"""

from dataclasses import dataclass

from .tensor import Int8Array, Int32Array, Int64Array


@dataclass(frozen=True)
class Second:
    """The second stage of a convolution: ``clamp(zero + rhe((q*ma + r*mb + c) / 2**shift), low,
    high)``.

    q is the first stage's int8 result, r the residual's (0 where ``residual`` is None). ma, mb are
    signed 18-bit.
    """

    residual: str | None
    ma: int
    mb: int
    c: int
    shift: int
    zero: int
    low: int = -128
    high: int = 127


class _OneOperand:
    """An operation that reads one map, `x`."""

    x: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.x,)


class _Weighted:
    """An operation with a weight of [.., .., kh, kw]."""

    weight: Int8Array

    @property
    def kernel(self) -> tuple[int, int]:
        """(kh, kw)."""
        return self.weight.shape[2], self.weight.shape[3]


@dataclass(frozen=True, eq=False)
class Conv(_Weighted):
    """Convolution, fully connected included (a kernel as large as the map, see the importer).

    ``q = clamp(zero + rhe((sum(x*w) + bias) * mantissa / 2**shift), low, high)``, then `second` if
    there is one. weight: int8 [Cout, Cin/groups, kh, kw]; bias: int32 [Cout]; mantissa, shift:
    int64 [Cout] (mantissa in [0, 2**17)). pads: top, left, bottom, right; padding is filled with
    ``pad_value`` (the input's zero point). Negative pads crop the input. moves: it only moves
    elements or adds them, which counts no multiply-accumulates. phases_of: the transposed
    convolution whose work it does, which is what it counts.
    """

    name: str
    x: str
    y: str
    weight: Int8Array
    bias: Int32Array
    mantissa: Int64Array
    shift: Int64Array
    zero: int
    low: int = -128
    high: int = 127
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    pad_value: int = 0
    second: Second | None = None
    fully_connected: bool = False
    moves: bool = False
    phases_of: "ConvTranspose | None" = None

    @property
    def inputs(self) -> tuple[str, ...]:
        residual = None if self.second is None else self.second.residual
        return (self.x,) if residual is None else (self.x, residual)


@dataclass(frozen=True, eq=False)
class ConvTranspose(_OneOperand, _Weighted):
    """Transposed convolution: input pixel i adds its products with tap k to result ``stride*i +
    dilation*k - pad``.

    ``clamp(zero + rhe((sum((x - x_zero)*w) + bias) * mantissa / 2**shift), low, high)``; results
    that no tap meets have a sum of 0. weight: int8 [Cin, Cout/groups, kh, kw]; bias: int32 [Cout];
    mantissa, shift: int64 [Cout]. pads: top, left; y's shape says where the result ends. moves: as
    in `Conv`.
    """

    name: str
    x: str
    y: str
    weight: Int8Array
    bias: Int32Array
    mantissa: Int64Array
    shift: Int64Array
    x_zero: int
    zero: int
    low: int = -128
    high: int = 127
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    moves: bool = False


@dataclass(frozen=True, eq=False)
class Depthwise(_OneOperand, _Weighted):
    """Convolution of each channel by a kernel of its own, on the vector engine.

    ``clamp(zero + rhe((sum(x*w)*mantissa + c) / 2**shift), low, high)``. weight: int8 [C, 1, kh,
    kw]; mantissa (unsigned, 17 bits), c (40 bits), shift: int64 [C]; all else is as in `Conv`. A
    rewrite makes it of a `Conv`.
    """

    name: str
    x: str
    y: str
    weight: Int8Array
    mantissa: Int64Array
    c: Int64Array
    shift: Int64Array
    zero: int
    low: int = -128
    high: int = 127
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    pad_value: int = 0
    moves: bool = False


@dataclass(frozen=True, eq=False)
class Resize(_OneOperand):
    """Each result is a weighted sum of some rows and columns of its channel, mostly two.

    ``clamp(zero + rhe(sum(row_weight[o, k] * col_weight[p, l] * (x[row[o, k], col[p, l]] - x_zero))
    * mantissa / 2**shift), low, high)`` over k and l. rows, cols: (index, weight), int64 [Ho, K]
    and [Wo, L]; all products of weights are at most `resampling.MAX_WEIGHT`.
    """

    name: str
    x: str
    y: str
    rows: tuple[Int64Array, Int64Array]
    cols: tuple[Int64Array, Int64Array]
    mantissa: int
    shift: int
    x_zero: int
    zero: int
    low: int = -128
    high: int = 127


@dataclass(frozen=True, eq=False)
class Pool(_OneOperand):
    """Max or average pooling over windows (global pooling is a window as large as the map).

    max: ``clamp(zero + rhe((max(x) + ca) * mantissa / 2**shift), low, high)``, the pads count as
    -128. average: ``clamp(zero + rhe((sum(x) - n*x_zero) * mantissa[n] / 2**shift[n]), low, high)``
    where the sum runs over the taps inside the map, and ``n`` is the number of these taps.
    `multipliers` maps the number of valid taps to (mantissa, shift): it holds one entry for every n
    that occurs (with count_include_pad all entries of full windows are the same). Output size is
    y's shape; windows may reach beyond the bottom and right pads (ceil mode), where they see no
    taps. ca = -x_zero. multipliers of max has the single key 0.
    """

    name: str
    x: str
    y: str
    kind: str  # "max" or "average"
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    multipliers: dict[int, tuple[int, int]]
    x_zero: int
    zero: int
    low: int = -128
    high: int = 127


@dataclass(frozen=True, eq=False)
class Eltwise:
    """Element-wise operation on two maps; b may be [N, C, 1, 1] (broadcast).

    A = a + ca, B = b + cb; t = A*ma + B*mb + c (add), A*B*mb + c (mul), max or min of (A*ma, B*mb)
    + c (max, min); ``clamp(zero + rhe(t / 2**shift), low, high)``. ma, mb signed 18-bit, c int32.
    """

    name: str
    a: str
    b: str
    y: str
    kind: str  # "add", "mul", "max", "min"
    ca: int
    cb: int
    ma: int
    mb: int
    c: int
    shift: int
    zero: int
    low: int = -128
    high: int = 127

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.a, self.b)


@dataclass(frozen=True, eq=False)
class Affine(_OneOperand):
    """Per-channel affine (a batch norm that cannot be folded, or a change of scale):
    ``clamp(zero + rhe((x*mantissa + c) / 2**shift), low, high)``; mantissa signed 18-bit, c int32,
    shift: arrays [C].
    """

    name: str
    x: str
    y: str
    mantissa: Int64Array
    c: Int64Array
    shift: Int64Array
    zero: int
    low: int = -128
    high: int = 127


@dataclass(frozen=True, eq=False)
class Lut(_OneOperand):
    """Any unary function: ``y = table[x + 128]``; table: int8 [256]."""

    name: str
    x: str
    y: str
    table: Int8Array


@dataclass(frozen=True, eq=False)
class Lrn(_OneOperand):
    """Local response normalisation across channels.

    S = sum of (x - x_zero)**2 over the channels within ``size // 2`` to each side;
    ``clamp(zero + rhe((x - x_zero) * table[index(S)] / 2**shift), -128, 127)``; see golden/lrn.py
    for index() and for how the table is made. size is odd and at most 5; table: int64 [1024],
    17-bit unsigned.
    """

    name: str
    x: str
    y: str
    size: int
    table: Int64Array
    shift: int
    x_zero: int
    zero: int


@dataclass(frozen=True, eq=False)
class Concat:
    """Concatenation on channels. All inputs and the result have one scale and zero point, so it
    moves no data.
    """

    name: str
    xs: tuple[str, ...]
    y: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.xs


#: Any operation of a `Graph`.
Op = Conv | ConvTranspose | Depthwise | Resize | Pool | Eltwise | Affine | Lut | Lrn | Concat

#: Operations of the PE array.
ARRAY_OPS = (Conv, ConvTranspose, Resize)
