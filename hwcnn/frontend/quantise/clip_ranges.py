"""Ranges to quantise in that leave out rare extremes: what they clip costs less than the finer
steps gain.

Histograms, percentiles and entropy are onnxruntime's (`HistogramCollector`). "mse" takes the range
with the least mean square error of rounding and clipping together.
"""

import contextlib
import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from onnxruntime.quantization.calibrate import HistogramCollector

#: Bins of a tensor's histogram, over -m to m where m is its largest magnitude.
BINS = 2048
#: Of entropy, whose search takes time with the square of the bins; 256 levels are what int8 has.
ENTROPY_BINS, ENTROPY_LEVELS = 512, 256
#: Share of the values in the range, in percent.
PERCENTILE = 99.99
#: Ends of the range that "mse" tries, as shares of the extremes.
_SHARES = np.linspace(1, 0.25, 31)

Range = tuple[float, float]
FloatArray = npt.NDArray[np.float64]


class Histograms:
    """Of every tensor over all samples. Their memory does not grow with these: the extremes must be
    known.
    """

    def __init__(self, extremes: Mapping[str, Range], method: str):
        self.extremes, self.method = extremes, method
        bins = ENTROPY_BINS if method == "entropy" else BINS
        ort_method = "entropy" if method == "entropy" else "percentile"
        self._collector = HistogramCollector(
            method=ort_method,
            symmetric=False,
            num_bins=bins,
            num_quantized_bins=ENTROPY_LEVELS,
            percentile=PERCENTILE,
            scenario="same",
        )
        for name, (low, high) in extremes.items():
            # a little more, so that no value rounds to beyond the last edge
            most = np.float32(max(abs(low), abs(high), 1e-30) * (1 + 1e-6))
            edges = np.linspace(-most, most, bins + 1, dtype=np.float32)
            ends = np.float32(low), np.float32(high)
            self._collector.histogram_dict[name] = (np.zeros(bins, np.int64), edges, *ends, most)

    def add(self, name: str, values: np.ndarray) -> None:
        """Count the values of a tensor in one sample, within its extremes."""
        self._collector.collect_value({name: np.asarray(values, np.float32)})

    def ranges(self) -> dict[str, Range]:
        """(lowest, highest) of every tensor by the method: "percentile", "entropy" or "mse"."""
        if self.method == "mse":
            return {
                name: _least_error(hist, edges, *self.extremes[name])
                for name, (hist, edges, *_) in self._collector.histogram_dict.items()
            }
        with contextlib.redirect_stdout(io.StringIO()):
            found = self._collector.compute_collection_result()
        return {name: (float(ends[0]), float(ends[1])) for name, ends in found.items()}


def _least_error(
    hist: npt.NDArray[np.int64], edges: npt.NDArray[np.float32], low: float, high: float
) -> Range:
    """The range with the least mean square error. Each end is a share of its extreme, which is on
    its side of zero.
    """
    used = np.flatnonzero(hist)
    values = ((edges[:-1] + edges[1:]) / 2)[used].astype(np.float64)
    counts = hist[used].astype(np.float64)
    low, high = min(low, 0.0), max(high, 0.0)
    lows, highs = (_SHARES * end if end else np.zeros(1) for end in (low, high))
    errors = np.array([[_error(values, counts, a, b) for b in highs] for a in lows])
    at = np.unravel_index(errors.argmin(), errors.shape)
    return float(lows[at[0]]), float(highs[at[1]])


def _error(values: FloatArray, counts: FloatArray, low: float, high: float) -> float:
    """Sum of the squared differences that quantising to 256 steps from `low` to `high` makes."""
    scale = (high - low) / 255 or 1.0
    zero = np.rint(-128 - low / scale)
    steps = np.clip(np.rint(values / scale) + zero, -128, 127)
    return float(counts @ ((steps - zero) * scale - values) ** 2)
