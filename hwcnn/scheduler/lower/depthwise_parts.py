"""The convolutions of a resampling as depthwise convolutions of the vector engine."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from hwcnn import ir, limits
from hwcnn.config import AccelConfig
from hwcnn.layout import Placement
from hwcnn.scheduler.rewrite.depthwise import as_depthwise

from .conv_weights import int8_summands


def depthwise_parts(
    made: Sequence[tuple[ir.Conv, Placement]], config: AccelConfig
) -> list[ir.Depthwise | None]:
    """For each convolution of a resampling, which takes each channel for itself, what the depthwise
    unit does in its place; None where the unit cannot do all that write the same rows (of which one
    engine is known), or the array takes fewer cycles for them on its diagonal.
    """
    if not config.features or not config.dw_taps:
        return [None] * len(made)
    parts = [_part(conv, config) for conv, _ in made]
    rows = [(*result.tensor_rows(0, result.shape[2]),) for _, result in made]
    chosen: dict[tuple[int, ...], bool] = {}
    for key in dict.fromkeys(rows):
        some = [i for i, other in enumerate(rows) if other == key]
        cycles = [_cycles(made[i][0], prod(made[i][1].shape[2:]), config) for i in some]
        unit, array = (sum(column) for column in zip(*cycles, strict=True))
        chosen[key] = all(parts[i] is not None for i in some) and unit < array
    return [part if chosen[key] else None for part, key in zip(parts, rows, strict=True)]


def _part(conv: ir.Conv, config: AccelConfig) -> ir.Depthwise | None:
    """The convolution on the depthwise unit, if that can do it."""
    top, left, bottom, right = (max(0, pad) for pad in conv.pads)  # it reads from any pixel on
    if np.abs(conv.weight).max() > 127 or limits.depthwise_reason(
        config, conv.kernel, conv.stride, conv.dilation, (top, left, bottom, right)
    ):
        return None
    return as_depthwise(replace(conv, weight=conv.weight.astype(np.int8)))


def _cycles(conv: ir.Conv, results: int, config: AccelConfig) -> tuple[int, int]:
    """(of the unit, of the array) for so many results of a block."""
    shape = limits.DepthwiseShape(config, conv.kernel, conv.stride, conv.dilation)
    unit = max(limits.result_cycles(config), conv.kernel[0] * shape.groups)
    taps = sum(int(np.count_nonzero(part[0])) for part in int8_summands(conv.weight))
    return results * unit, results * taps
