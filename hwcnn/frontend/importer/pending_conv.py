"""Convolutions that wait for the scale of their result: from real weights, biases and gains to the
integers of `ir.Conv` and `ir.ConvTranspose`.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from hwcnn import ir

from .accumulator import fit_accumulator
from .average_ties import Multipliers, mean_ratio, with_exact_ties
from .builder import IrBuilder
from .pending import Pending
from .registry import Unsupported
from .requant import ratio
from .values import PerChannel

Int8Array = npt.NDArray[np.int8]
Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PendingConv(Pending):
    """A convolution: ``(sum(real(x) * weight * weight_scale) + bias) * gain + offset``.

    name : of the node; x : its operand. weight : as in the ir operation; weight_scale, bias :
    [Cout], real. gain, offset : what constants a channel after it come to. divisor : where it is an
    average of so many elements (weights of one, a scale of 1/divisor), so that ties are rounded to
    even.
    """

    name: str
    x: ir.Tensor
    weight: Int8Array
    weight_scale: FloatArray
    bias: FloatArray
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    moves: bool = False
    gain: PerChannel = field(default=1.0, kw_only=True)
    offset: PerChannel = field(default=0.0, kw_only=True)

    def _requantised(
        self, weight: Int8Array, builder: IrBuilder, y: ir.Tensor
    ) -> tuple[Int8Array, npt.NDArray[np.int32], Int64Array, Int64Array]:
        """(weight, bias, mantissa, shift) of y, the input's zero point folded into the bias.
        weight: [Cout, ...].
        """
        unit = self.x.scale * self.weight_scale * self.gain
        if (unit <= 0).any():
            raise Unsupported("a channel is multiplied by zero or less after it")
        bias = (self.bias * self.gain + self.offset) / unit
        step = np.inf if builder.dry_run else y.scale
        weight, folded, unit = fit_accumulator(weight, bias, unit, self.x.zero, step)
        return weight, folded, *ratio(unit / y.scale)


@dataclass(frozen=True, eq=False)
class PendingForwardConv(PendingConv):
    """Not transposed. pads: top, left, bottom, right."""

    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    fully_connected: bool = False
    divisor: int | None = None

    def finish(self, builder: IrBuilder, y: ir.Tensor, low: int, high: int) -> ir.Op:
        weight, bias, mantissa, shift = self._requantised(self.weight, builder, y)
        op = ir.Conv(
            self.name,
            self.x.name,
            y.name,
            weight,
            bias,
            mantissa,
            shift,
            y.zero,
            low,
            high,
            self.stride,
            self.pads,
            self.dilation,
            self.groups,
            pad_value=self.x.zero,
            fully_connected=self.fully_connected,
            moves=self.moves,
        )
        if self.divisor is None or np.any(np.not_equal(self.gain, 1)) or np.any(self.offset):
            return op

        def make(name: str, y: ir.Tensor, multipliers: Multipliers, low: int, high: int) -> ir.Op:
            mantissa, shift = (np.full(len(bias), v, np.int64) for v in multipliers[0])
            return replace(
                op, name=name, y=y.name, mantissa=mantissa, shift=shift, low=low, high=high
            )

        average = mean_ratio(self.x, y, self.divisor), self.divisor
        return with_exact_ties(builder, self.name, y, {0: average}, low, high, make)


@dataclass(frozen=True, eq=False)
class PendingConvTranspose(PendingConv):
    """Transposed; weight: [Cin, Cout/groups, kh, kw]. pads: top, left."""

    pads: tuple[int, int] = (0, 0)

    def finish(self, builder: IrBuilder, y: ir.Tensor, low: int, high: int) -> ir.Op:
        weight, folded, mantissa, shift = self._requantised(
            _by_output(self.weight, self.groups), builder, y
        )
        # Each result meets some of the taps only, so the zero point stays with the operand.
        sums = weight.reshape(len(weight), -1).sum(axis=1, dtype=np.int64)
        bias = (folded + self.x.zero * sums).astype(np.int32)
        return ir.ConvTranspose(
            self.name,
            self.x.name,
            y.name,
            _by_input(weight, self.groups),
            bias,
            mantissa,
            shift,
            self.x.zero,
            y.zero,
            low,
            high,
            self.stride,
            self.pads,
            self.dilation,
            self.groups,
            self.moves,
        )


def _by_output(weight: Int8Array, groups: int) -> Int8Array:
    """[Cin, Cout/groups, kh, kw] as [Cout, Cin/groups, kh, kw]."""
    c_in, c_out, *kernel = weight.shape
    return (
        weight.reshape(groups, c_in // groups, c_out, *kernel)
        .swapaxes(1, 2)
        .reshape(groups * c_out, c_in // groups, *kernel)
    )


def _by_input(weight: Int8Array, groups: int) -> Int8Array:
    """The inverse of `_by_output`."""
    c_out, c_in, *kernel = weight.shape
    return (
        weight.reshape(groups, c_out // groups, c_in, *kernel)
        .swapaxes(1, 2)
        .reshape(groups * c_in, c_out // groups, *kernel)
    )
