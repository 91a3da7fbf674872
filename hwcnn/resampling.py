"""How the results along one axis of a resampled map are cut into runs that a strided convolution
each computes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Steps of a run, in results and in inputs, are at most this.
MAX_STEP = 64
#: Convolutions that one resampling may become, and the largest weight: the array takes a pass for
#: each 127 of it.
MAX_CONVOLUTIONS, MAX_WEIGHT = 256, 8 * 127


@dataclass(frozen=True)
class Run:
    """Results first, first + step, ... (`count` of them). Result i is the sum of ``weights[t] *
    x[start + i*stride + t]``.
    """

    first: int
    step: int
    count: int
    start: int
    stride: int
    weights: tuple[int, ...]


def runs(index: npt.NDArray[np.int64], weight: npt.NDArray[np.int64]) -> list[Run]:
    """The fewest runs of an axis whose result o is ``sum(weight[o, k] * x[index[o, k]])``; index,
    weight: int64 [results, taps].
    """
    taps = [_taps(i, w) for i, w in zip(index.tolist(), weight.tolist(), strict=True)]
    return min((_runs(taps, period) for period in range(1, min(MAX_STEP, len(taps)) + 1)), key=len)


def _taps(index: list[int], weight: list[int]) -> tuple[int, tuple[int, ...]]:
    """(first input, weights of consecutive inputs) of one result."""
    merged: dict[int, int] = {}
    for i, w in zip(index, weight, strict=True):
        merged[i] = merged.get(i, 0) + w
    used = sorted(i for i, w in merged.items() if w) or [index[0]]
    return used[0], tuple(merged.get(i, 0) for i in range(used[0], used[-1] + 1))


def _runs(taps: list[tuple[int, tuple[int, ...]]], period: int) -> list[Run]:
    """The runs where results of one run lie `period` apart."""
    found: list[Run] = []
    last: dict[tuple[int, tuple[int, ...]], int] = {}
    for o, (start, weights) in enumerate(taps):
        key = o % period, weights
        run = found[last[key]] if key in last else None
        if run is not None and o == run.first + run.count * period:
            stride = start - run.start if run.count == 1 else run.stride
            if 1 <= stride <= MAX_STEP and start == run.start + run.count * stride:
                found[last[key]] = Run(run.first, period, run.count + 1, run.start, stride, weights)
                continue
        last[key] = len(found)
        found.append(Run(o, period, 1, start, 1, weights))
    return found
