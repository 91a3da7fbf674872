"""Operations that copy a tensor exactly."""

import numpy as np

from hwcnn import ir


def by_array(name: str, x: str, y: str, tensor: ir.Tensor) -> ir.Conv:
    """A 1x1 convolution that copies `x`, a tensor like `tensor`, to `y`: into dense lanes."""
    c = tensor.shape[1]
    return ir.Conv(
        name,
        x,
        y,
        np.eye(c, dtype=np.int8).reshape(c, c, 1, 1),
        np.full(c, -tensor.zero, np.int32),
        np.ones(c, np.int64),
        np.zeros(c, np.int64),
        tensor.zero,
        pad_value=tensor.zero,
        moves=True,
    )


def by_vector_engine(name: str, x: str, y: str, tensor: ir.Tensor) -> ir.Pool:
    """A 1x1 pooling that copies `x`, a tensor like `tensor`, to `y`: its lanes stay as they are."""
    return ir.Pool(
        name, x, y, "max", (1, 1), (1, 1), (0, 0, 0, 0), {0: (1, 0)}, tensor.zero, tensor.zero
    )
