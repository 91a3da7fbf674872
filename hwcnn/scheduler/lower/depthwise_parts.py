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
) -> list[ir.Depthwise] | None:
    """The convolutions of each channel for itself, and where they write, as what the depthwise unit
    does; None where it cannot do all, or the array takes fewer cycles on its diagonal.
    """
    if not config.features or not config.dw_taps:
        return None
    array = unit = 0
    found: list[ir.Depthwise] = []
    for conv, result in made:
        pads = tuple(max(0, pad) for pad in conv.pads)  # it can read from any row and column on
        if np.abs(conv.weight).max() > 127 or limits.depthwise_reason(
            config, conv.kernel, conv.stride, conv.dilation, (pads[0], pads[1], pads[2], pads[3])
        ):
            return None
        part = as_depthwise(replace(conv, weight=conv.weight.astype(np.int8)))
        if part is None:
            return None
        found.append(part)
        shape = limits.DepthwiseShape(config, conv.kernel, conv.stride, conv.dilation)
        results = prod(result.shape[2:])
        array += results * prod(conv.kernel) * len(int8_summands(conv.weight))
        unit += results * max(limits.result_cycles(config), conv.kernel[0] * shape.groups)
    return found if unit < array else None
