"""What the name of an ONNX value stands for while the importer walks a QDQ graph.

Quantised tensors are `Linear`; what lies between a DequantizeLinear and the next QuantizeLinear is
`Linear`, `Table`, `Padded` or `Pending`: descriptions of real numbers, exact, that turn into an
operation only when a QuantizeLinear says in which scale its result is wanted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

INF = float("inf")


@dataclass(frozen=True, eq=False)
class Const:
    """A constant. values: as ONNX has it, or None for a dequantised one: q (integers, zero point
    taken out), scale (one, or along axis).
    """

    values: np.ndarray | None
    q: np.ndarray | None = None
    scale: np.ndarray | None = None
    axis: int = 0

    @property
    def shape(self):
        return self.values.shape if self.q is None else self.q.shape

    @property
    def array(self):
        """Its values; those of a dequantised one as DequantizeLinear gives them, float32."""
        return (
            self.values
            if self.q is None
            else (self.q * along(self.scale, self.axis, self.q.ndim)).astype(np.float32)
        )

    @property
    def real(self):
        """Its values in float64, without DequantizeLinear's rounding."""
        return np.asarray(
            self.values
            if self.q is None
            else self.q * along(self.scale.astype(np.float64), self.axis, self.q.ndim),
            np.float64,
        )


@dataclass(frozen=True, eq=False)
class Input:
    """A float input of the graph that no QuantizeLinear has read yet."""

    name: str
    shape: tuple


@dataclass(frozen=True, eq=False)
class Linear:
    """``clip(mul * real(tensor) + add, low, high)`` in the shape that ONNX gives it.

    mul, add: scalars or [C]. index: None where elements are in the tensor's NCHW order; otherwise
    int array of `shape`, for each element its flat position in the tensor. raw: the value is the
    int8 tensor itself, not its real numbers.
    """

    tensor: str
    shape: tuple
    mul: np.ndarray | float = 1.0
    add: np.ndarray | float = 0.0
    low: float = -INF
    high: float = INF
    index: np.ndarray | None = None
    raw: bool = False

    @property
    def is_identity(self):
        """True where it is the tensor's real numbers unchanged."""
        return (
            np.ndim(self.mul) == 0
            and self.mul == 1
            and np.ndim(self.add) == 0
            and self.add == 0
            and not self.clipped
        )

    @property
    def clipped(self):
        return self.low > -INF or self.high < INF

    def clip(self, low, high):
        return replace(self, low=min(max(self.low, low), high), high=min(max(self.high, low), high))


@dataclass(frozen=True, eq=False)
class Table:
    """``values[q + 128]`` of an int8 tensor's q; float32 [256]. shape, index: as in `Linear`."""

    tensor: str
    shape: tuple
    values: np.ndarray
    index: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Padded:
    """A tensor with constant padding (top, left, bottom, right), for the window operator that reads
    it.
    """

    tensor: str
    shape: tuple
    pads: tuple
    value: float
    raw: bool = False


@dataclass(frozen=True, eq=False)
class Pending:
    """An operation whose result's scale is not known yet: ``emit(y, low, high)`` gives the ir
    operation, for the result tensor `y` (an ir.Tensor) and its clamps. y_shape: [N, C, H, W] of
    that tensor.
    """

    shape: tuple
    y_shape: tuple
    emit: Callable
    low: float = -INF
    high: float = INF
    index: np.ndarray | None = None

    def finish(self, y, low, high):
        return self.emit(y, low, high)

    def clip(self, low, high):
        return replace(self, low=min(max(self.low, low), high), high=min(max(self.high, low), high))


@dataclass(frozen=True, eq=False)
class PendingConv(Pending):
    """A convolution, which can take constants a channel: its real result is multiplied by `gain`,
    then `offset` is added.
    """

    gain: np.ndarray | float = 1.0
    offset: np.ndarray | float = 0.0

    def finish(self, y, low, high):
        return self.emit(y, low, high, self.gain, self.offset)


@dataclass(frozen=True, eq=False)
class Host:
    """A float value that the host computes; `at` is the name by which ir.HostOp knows it."""

    at: str
    tensor: str
    shape: tuple


@dataclass(frozen=True, eq=False)
class Unknown:
    """The result of something refused: whatever reads it is not judged."""

    shape: tuple = field(default=())


def along(values, axis, rank):
    """values of one element, or one for each index along an axis, shaped to broadcast against an
    array of that rank.
    """
    values = np.asarray(values)
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def map_shape(shape):
    """[N, C, H, W] of an ONNX shape of 1 to 4 dimensions, or None: [C] and [N, C] are 1x1 pixels,
    [N, C, L] is one row.
    """
    shape = tuple(int(d) for d in shape)
    forms = {1: (1, *shape, 1, 1), 2: (*shape, 1, 1), 3: (*shape[:2], 1, *shape[2:]), 4: shape}
    return forms.get(len(shape))
