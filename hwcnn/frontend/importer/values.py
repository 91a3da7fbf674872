"""What the name of an ONNX value stands for while the importer walks a QDQ graph.

Quantised tensors are `Linear`; what lies between a DequantizeLinear and the next QuantizeLinear is
`Linear`, `Table`, `Padded` or `pending.Pending`: descriptions of real numbers, exact, that turn
into an operation only when a QuantizeLinear says in which scale its result is wanted.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

INF = float("inf")

#: [N, C, H, W].
MapShape = tuple[int, int, int, int]
#: One real number, or one for each channel, float64 [C].
PerChannel = float | npt.NDArray[np.float64]


class Const(ABC):
    """A constant."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def array(self) -> np.ndarray:
        """Its values, as ONNX has them."""

    @property
    def real(self) -> npt.NDArray[np.float64]:
        """Its values in float64."""
        return np.asarray(self.array, np.float64)


@dataclass(frozen=True, eq=False)
class PlainConst(Const):
    """A constant of the model, or what follows from such."""

    values: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def array(self) -> np.ndarray:
        return self.values


@dataclass(frozen=True, eq=False)
class DequantisedConst(Const):
    """A dequantised constant. q : its integers, the zero point taken out; scale : one, or along
    `axis`, float32.
    """

    q: np.ndarray
    scale: npt.NDArray[np.float32]
    axis: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.q.shape

    @property
    def array(self) -> np.ndarray:
        """As DequantizeLinear gives it, float32."""
        return (self.q * along(self.scale, self.axis, self.q.ndim)).astype(np.float32)

    @property
    def real(self) -> npt.NDArray[np.float64]:
        """Without DequantizeLinear's rounding."""
        return np.asarray(
            self.q * along(self.scale.astype(np.float64), self.axis, self.q.ndim), np.float64
        )


@dataclass(frozen=True, eq=False)
class Input:
    """A float input of the graph that no QuantizeLinear has read yet: ``gain * x + offset``."""

    name: str
    shape: tuple[int, ...]
    gain: PerChannel = 1.0
    offset: PerChannel = 0.0

    @property
    def normalise(self) -> tuple[tuple[float, float], ...]:
        """As of `ir.Tensor`."""
        gain, offset = np.broadcast_arrays(np.atleast_1d(self.gain), np.atleast_1d(self.offset))
        pairs = tuple(zip(gain.tolist(), offset.tolist(), strict=True))
        return () if set(pairs) == {(1.0, 0.0)} else pairs


@dataclass(frozen=True, eq=False)
class Linear:
    """``clip(mul * real(tensor) + add, low, high)`` in the shape that ONNX gives it.

    index: None where elements are in the tensor's NCHW order; otherwise int array of `shape`, for
    each element its flat position in the tensor: a view. raw: the value is the int8 tensor itself,
    not its real numbers.
    """

    tensor: str
    shape: tuple[int, ...]
    mul: PerChannel = 1.0
    add: PerChannel = 0.0
    low: float = -INF
    high: float = INF
    index: npt.NDArray[np.int64] | None = None
    raw: bool = False

    @property
    def is_identity(self) -> bool:
        """True where it is the tensor's real numbers unchanged."""
        return (
            np.ndim(self.mul) == 0
            and self.mul == 1
            and np.ndim(self.add) == 0
            and self.add == 0
            and not self.clipped
        )

    @property
    def clipped(self) -> bool:
        return self.low > -INF or self.high < INF

    @property
    def by_channel(self) -> bool:
        """True where it is scaled or shifted channel by channel."""
        return bool(np.ndim(self.mul) or np.ndim(self.add))

    def clip(self, low: float, high: float) -> "Linear":
        return replace(self, low=min(max(self.low, low), high), high=min(max(self.high, low), high))


@dataclass(frozen=True, eq=False)
class Table:
    """``values[q + 128]`` of an int8 tensor's q; float32 [256]. shape, index: as in `Linear`."""

    tensor: str
    shape: tuple[int, ...]
    values: npt.NDArray[np.float32]
    index: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Padded:
    """A tensor with constant padding (top, left, bottom, right), for the window operator that reads
    it.
    """

    tensor: str
    shape: tuple[int, ...]
    pads: tuple[int, int, int, int]
    value: float
    raw: bool = False


@dataclass(frozen=True, eq=False)
class Host:
    """A float value that the host computes; `at` is the name by which ir.HostOp knows it."""

    at: str
    tensor: str
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Unknown:
    """The result of something refused: whatever reads it is not judged."""

    shape: tuple[int, ...] = ()


def along(values: np.ndarray, axis: int, rank: int) -> np.ndarray:
    """values of one element, or one for each index along an axis, shaped to broadcast against an
    array of that rank.
    """
    values = np.asarray(values)
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def map_shape(shape: Iterable[int]) -> MapShape | None:
    """[N, C, H, W] of an ONNX shape of 1 to 4 dimensions, or None: [C] and [N, C] are 1x1 pixels,
    [N, C, L] is one row.
    """
    match tuple(int(d) for d in shape):
        case (c,):
            return 1, c, 1, 1
        case (n, c):
            return n, c, 1, 1
        case (n, c, w):
            return n, c, 1, w
        case (n, c, h, w):
            return n, c, h, w
    return None
