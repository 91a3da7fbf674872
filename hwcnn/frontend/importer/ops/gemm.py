"""Gemm and MatMul by a constant: a fully connected layer is a convolution as large as its input map."""

import numpy as np

from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Linear

from .weights import bias_of, pending, weights


@operator(
    "Gemm",
    attributes=("alpha", "beta", "transA", "transB"),
    runs_on="array",
    limits="second operand constant; transA = 0",
)
def gemm(ctx, node, x, w, c=None):
    a = attributes(node)
    if a.get("transA", 0):
        raise Unsupported("transA = 1")
    trans = a.get("transB", 0)
    weight, scale = weights(ctx, w, 0 if trans else 1)
    bias = bias_of(c, len(scale)) * a.get("beta", 1.0)
    return fully_connected(
        ctx, node, x, weight if trans else weight.T, scale * a.get("alpha", 1.0), bias
    )


@operator("MatMul", runs_on="array", limits="[N, K] by a constant [K, M]")
def matmul(ctx, node, x, w):
    if isinstance(w, Const) and len(w.shape) != 2:
        raise Unsupported(f"the second operand has {len(w.shape)} dimensions, expected 2")
    weight, scale = weights(ctx, w, 1)
    return fully_connected(ctx, node, x, weight.T, scale, np.zeros(len(scale)))


def fully_connected(ctx, node, x, weight, scale, bias):
    """A layer of weight [M, K] on x [N, K], whatever view of a map x is."""
    if not isinstance(x, Linear) or not x.is_identity:
        ctx.as_map(x)
    if len(x.shape) != 2:
        raise Unsupported(
            f"its input has {len(x.shape)} dimensions, expected [N, K]: put a Flatten before it"
        )
    n, c, h, w = ctx.tensor(x).shape
    if x.shape[0] != n or (x.index is None and x.shape[1] != c * h * w):
        raise Unsupported(f"its input {list(x.shape)} mixes the images of a batch")
    if weight.shape[1] != x.shape[1]:
        raise Unsupported(
            f"its weights take {weight.shape[1]} values, but its input has {x.shape[1]}"
        )
    if x.index is not None:
        order = x.index[0]
        if (x.index != order + np.arange(n)[:, None] * c * h * w).any():
            raise Unsupported("its input mixes the images of a batch")
        if len(np.unique(order)) < len(order):
            raise Unsupported("its input holds an element of a map twice")
        arranged = np.zeros((len(weight), c * h * w), weight.dtype)
        arranged[:, order] = weight
        weight = arranged
    return pending(
        ctx,
        node,
        x.tensor,
        (n, len(weight)),
        np.ascontiguousarray(weight).reshape(len(weight), c, h, w),
        scale,
        bias,
        fully_connected=True,
    )
