"""A float ONNX graph that grows a node at a time, with seeded weights, deterministic by seed,
network and tensor. `onnx_model` writes it as ONNX.
"""

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hwcnn.errors import InputError

from .shapes import Shape


class Node(NamedTuple):
    """An operator of the graph. Its name is that of its first output."""

    op_type: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


class Graph:
    """Nodes, constants and shapes of a network.

    name : of the network; with `seed` and a tensor's name it determines the tensor's values. inputs
    : shapes of the first inputs.

    `shapes` maps every tensor to its shape without the batch, `constants` those that are known to
    their values.
    """

    def __init__(self, name: str, inputs: Mapping[str, Shape], seed: int = 0) -> None:
        self.name, self.seed = name, seed
        self.inputs = list(inputs)
        self.shapes: dict[str, Shape] = dict(inputs)
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}

    def input(self, name: str, shape: Shape) -> str:
        """One more input of the network."""
        self.inputs.append(name)
        self.shapes[name] = shape
        return name

    def node(
        self,
        op_type: str,
        inputs: Iterable[str],
        name: str,
        shape: Sequence[int],
        more: Mapping[str, Shape] | None = None,
        **attributes: Any,
    ) -> str:
        """Any operator; returns `name`, which is that of its first output. more : shapes of further
        outputs.
        """
        self.nodes.append(Node(op_type, list(inputs), [name, *(more or ())], attributes))
        for output, size in (more or {}).items():
            self.computed(output, size)
        return self.computed(name, shape)

    def computed(self, name: str, shape: Sequence[int]) -> str:
        """Note the shape of a tensor that is computed; returns `name`. Raises InputError where it
        is empty.
        """
        if name in self.shapes:
            raise ValueError(f"{self.name}: expected unique layer names, not {name!r} twice")
        if min(shape) < 1:
            raise self.misfit(f"is too small: {name} has no output")
        self.shapes[name] = tuple(shape)
        return name

    def misfit(self, why: str) -> InputError:
        """The error for an input size of which the network cannot be made. why : follows the
        size.
        """
        size = "x".join(map(str, dict.fromkeys(self.shapes[self.inputs[0]][1:])))
        return InputError(f"model {self.name}: the input size {size} {why}")

    def constant(self, name: str, value: np.ndarray) -> str:
        """A constant tensor; where there is one of that name, it is shared."""
        self.constants.setdefault(name, np.asarray(value))
        return name

    def rng(self, name: str) -> np.random.Generator:
        """Random numbers that belong to a tensor."""
        return np.random.default_rng(
            [self.seed, zlib.crc32(self.name.encode()), zlib.crc32(name.encode())]
        )

    def weight(self, name: str, shape: Sequence[int], gain: float, outputs: int = 0) -> str:
        """The constant of `seeded` values."""
        return self.constant(name, self.seeded(name, shape, gain, outputs))

    def seeded(self, name: str, shape: Sequence[int], gain: float, outputs: int = 0) -> np.ndarray:
        """Normal weights of variance gain / fan-in (He: 2 keeps the size of activations through
        ReLU).

        Filters over 16 channels or more have mean 0, so that the positive mean of ReLU's output
        does not pile up from layer to layer and drown what differs between pictures; the variance
        makes up for it (ReLU's output has a second moment of s**2/2, and a variance of s**2/2 * (1
        - 1/pi)).

        outputs : the axis of the output channels; all others are a filter's.
        """
        values = self.rng(name).standard_normal(shape, np.float32)
        axes = tuple(axis for axis in range(len(shape)) if axis != outputs)
        if shape[axes[0]] >= 16:
            values -= values.mean(axis=axes, keepdims=True)
            gain /= 1 - 1 / math.pi
        values *= np.float32(math.sqrt(gain / math.prod(shape[axis] for axis in axes)))
        return values

    def small(self, name: str, channels: int, mean: float = 0.0, deviation: float = 0.05) -> str:
        """Per-channel parameters near `mean`."""
        return self.constant(
            name, (mean + deviation * self.rng(name).standard_normal(channels)).astype(np.float32)
        )
