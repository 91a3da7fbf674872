"""How large a network is: its parameters and multiply-accumulates, without its weights."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .builder import Builder
from .info import ModelInfo
from .shapes import Shape

#: Last parts of the names of constants that are not trained: statistics of batch norms, weights of
#: interpolation, a graph's edges, and parameters of operators.
_GIVEN = {
    "mean",
    "var",
    "bilinear",
    "neighbours",
    "scales",
    "starts",
    "ends",
    "axes",
    "pads",
    "shape",
}


class Counter(Builder):
    """Counts what a Builder would make.

    sizes : shape of each constant. macs : multiply-accumulates of convolutions, transposed
    convolutions (taps that meet a pixel of the input), matrix products and LSTMs.
    """

    def __init__(
        self, info: ModelInfo, size: int | tuple[int, int] | None = None, width: float = 1.0
    ) -> None:
        super().__init__(info.name, info.channels, size or info.size, width)
        self.sizes: dict[str, tuple[int, ...]] = {}
        self.macs = 0
        self.outputs = info.layers(self, "input")

    def weight(self, name: str, shape: Sequence[int], gain: float, outputs: int = 0) -> str:
        """Its shape only."""
        self.sizes[name] = tuple(shape)
        return name

    def small(self, name: str, channels: int, mean: float = 0.0, deviation: float = 0.05) -> str:
        """Its shape only."""
        return self.weight(name, (channels,), 1)

    def constant(self, name: str, value: np.ndarray) -> str:
        """Its shape only."""
        return self.weight(name, value.shape, 1)

    def node(
        self,
        op_type: str,
        inputs: Iterable[str],
        name: str,
        shape: Sequence[int],
        more: Mapping[str, Shape] | None = None,
        **attributes: Any,
    ) -> str:
        """A node of which only shapes and multiply-accumulates stay."""
        x, *others = inputs = list(inputs)
        result = self.computed(name, shape)
        for output, size in (more or {}).items():
            self.computed(output, size)
        if op_type == "Conv":
            kernel = self.sizes.get(others[0]) or self.shapes[others[0]]
            self.macs += math.prod(kernel) * math.prod(shape[1:])
        elif op_type == "ConvTranspose":
            self.macs += math.prod(self.sizes[others[0]]) * math.prod(self.shapes[x][1:])
        elif op_type == "Gemm":
            self.macs += math.prod(self.sizes[others[0]])
        elif op_type == "MatMul":
            a, _ = (self.sizes.get(t) or self.shapes[t] for t in inputs)
            self.macs += math.prod(shape) * a[-1]
        elif op_type == "LSTM":
            self.macs += self.shapes[x][0] * sum(math.prod(self.sizes[t]) for t in others[:2])
        return result

    @property
    def params(self) -> int:
        """Trained parameters."""
        return sum(math.prod(s) for n, s in self.sizes.items() if n.split(".")[-1] not in _GIVEN)
