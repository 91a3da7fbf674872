"""Operations whose result's scale is not known yet."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from hwcnn import ir

from .builder import IrBuilder
from .values import INF, MapShape

#: (result tensor, lower clamp, upper clamp) to its operation.
Emit = Callable[[ir.Tensor, int, int], ir.Op]


@dataclass(frozen=True, eq=False)
class Pending(ABC):
    """shape: as ONNX gives it; y_shape: [N, C, H, W] of the tensor that will hold the result; low,
    high: real bounds to which the result is clipped; index: as in `values.Linear`.
    """

    shape: tuple[int, ...]
    y_shape: MapShape
    low: float = field(default=-INF, kw_only=True)
    high: float = field(default=INF, kw_only=True)
    index: npt.NDArray[np.int64] | None = field(default=None, kw_only=True)

    @abstractmethod
    def finish(self, builder: IrBuilder, y: ir.Tensor, low: int, high: int) -> ir.Op:
        """The operation that gives y, with its int8 clamps; operations before it are added to the
        builder. Raises ValueError or Unsupported where the scales make it impossible.
        """

    def clip(self, low: float, high: float) -> Self:
        return replace(self, low=min(max(self.low, low), high), high=min(max(self.high, low), high))


@dataclass(frozen=True, eq=False)
class PendingOp(Pending):
    """One that a function of its handler makes."""

    emit: Emit

    def finish(self, builder: IrBuilder, y: ir.Tensor, low: int, high: int) -> ir.Op:
        return self.emit(y, low, high)
