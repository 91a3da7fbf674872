"""The maps between the operations of the integer IR, and types of their numbers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class Tensor:
    """An int8 map. shape: (N, C, H, W). ``real = scale * (q - zero)``.

    normalise : of an input: (gain, offset) of each channel, or one for all, with which the host
    makes ``x * gain + offset`` of the network's own input x, in float32, before it quantises that.
    """

    name: str
    shape: Shape
    scale: float
    zero: int
    normalise: tuple[tuple[float, float], ...] = ()
