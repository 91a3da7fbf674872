"""How large a network is: its parameters and multiply-accumulates, without its weights."""

import math
from collections.abc import Sequence

import numpy as np

from .builder import Builder
from .graph import Node
from .info import ModelInfo

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

    sizes : shape of each constant.
    """

    def __init__(
        self, info: ModelInfo, size: int | tuple[int, int] | None = None, width: float = 1.0
    ) -> None:
        super().__init__(info.name, info.channels, size or info.size, width)
        self.sizes: dict[str, tuple[int, ...]] = {}
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

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions, transposed convolutions (taps that meet a pixel of
        the input), matrix products and LSTMs.
        """
        return sum(map(self._macs, self.nodes))

    def _macs(self, node: Node) -> int:
        shapes = [self.sizes.get(t) or self.shapes.get(t, ()) for t in node.inputs]
        result = self.shapes[node.outputs[0]]
        match node.op_type:
            case "Conv":
                return math.prod(shapes[1]) * math.prod(result[1:])
            case "ConvTranspose":
                return math.prod(shapes[1]) * math.prod(shapes[0][1:])
            case "Gemm":
                return math.prod(shapes[1])
            case "MatMul":
                return math.prod(result) * shapes[0][-1]
            case "LSTM":
                return shapes[0][0] * sum(map(math.prod, shapes[1:3]))
            case _:
                return 0

    @property
    def params(self) -> int:
        """Trained parameters."""
        return sum(math.prod(s) for n, s in self.sizes.items() if n.split(".")[-1] not in _GIVEN)
