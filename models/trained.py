"""A builder of trained networks, with which training scripts write ONNX."""

from collections.abc import Mapping, Sequence

import numpy as np

from .builder import Builder
from .shapes import Shape


class Trained(Builder):
    """A Builder whose parameters are given. values : float32, by the parameter's name. shape : of
    the input, (channels, height, width).
    """

    def __init__(self, name: str, values: Mapping[str, np.ndarray], shape: Shape) -> None:
        super().__init__(name, shape[0], (shape[1], shape[2]))
        self.values = values

    def weight(self, name: str, shape: Sequence[int], gain: float, outputs: int = 0) -> str:
        """The given value, which must have that shape."""
        assert self.values[name].shape == tuple(shape), name
        return self.constant(name, self.values[name])

    def small(self, name: str, channels: int, mean: float = 0.0, deviation: float = 0.05) -> str:
        """The given value."""
        return self.weight(name, (channels,), 1)
