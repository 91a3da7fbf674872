"""How far integers are from the real network: figures of arrays, and of a whole network."""

import math
import sys
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerLoss:
    """sqnr_before_db : of the worst of its operands, None where all are exact. sqnr_db : of its
    result.
    """

    name: str
    op: str
    sqnr_before_db: float | None
    sqnr_db: float | None


@dataclass(frozen=True)
class Loss:
    """sqnr_db : of each output over so many samples, None where it is exact. top1_agreement : of
    each output that classifies, the samples with the same class. worst_layers : those that add most
    noise, by its share of the signal.
    """

    samples_compared: int
    sqnr_db: dict[str, float | None]
    top1_agreement: dict[str, int]
    worst_layers: list[LayerLoss]


def sqnr_db(real: np.ndarray, found: np.ndarray) -> float | None:
    """Signal to quantisation noise: the squares of `real` by those of its difference from `found`,
    in decibels; None where there is no difference. Arrays of one shape.
    """
    real, found = (np.asarray(a, np.float64) for a in (real, found))
    return decibels(float(np.square(real).sum()), float(np.square(real - found).sum()))


def decibels(signal: float, noise: float) -> float | None:
    """The ratio of two sums of squares; None where the second is 0. A first of 0 counts as the
    least float.
    """
    if noise == 0:
        return None
    return round(10 * (math.log10(signal or sys.float_info.min) - math.log10(noise)), 2)


def is_classification(shape: tuple[int, ...]) -> bool:
    """True of [N, C] and [N, C, 1, 1]: a value a class, whose largest is the answer."""
    return len(shape) >= 2 and shape[1] > 1 and all(n == 1 for n in shape[2:])


def same_top1(real: np.ndarray, found: np.ndarray) -> int:
    """Of [N, C, ...], how many of the N have their largest value in the same place."""
    first, second = (a.reshape(len(a), -1).argmax(axis=1) for a in (real, found))
    return int((first == second).sum())
