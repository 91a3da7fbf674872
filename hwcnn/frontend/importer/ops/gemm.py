"""Gemm and MatMul by a constant: a fully connected layer is a convolution as large as its input
map.
"""

import numpy as np
import numpy.typing as npt
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending_conv import PendingForwardConv
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Linear

from .weights import bias_of, weights_of

FloatArray = npt.NDArray[np.float64]


@operator(
    "Gemm",
    attributes=("alpha", "beta", "transA", "transB"),
    runs_on="array",
    limits="second operand constant; transA = 0",
)
def gemm(
    ctx: Context, node: onnx.NodeProto, x: Value, w: Value, c: Value | None = None
) -> PendingForwardConv:
    """ONNX Gemm, opset 1-13: x [N, K], constant w [K, M], or [M, K] with transB, constant c that
    broadcasts to [M].

    Unsupported: transA, computed or float weights, a bias that differs from row to row.
    """
    a = attributes(node)
    if a.get("transA", 0):
        raise Unsupported("transA = 1")
    trans = a.get("transB", 0)
    weight, scale = weights_of(ctx, w, 0 if trans else 1)
    bias = bias_of(c, len(scale)) * a.get("beta", 1.0)
    scale = scale * a.get("alpha", 1.0)
    return _fully_connected(ctx, node, x, weight if trans else weight.T, scale, bias)


@operator("MatMul", runs_on="array", limits="[N, K] by a constant [K, M]")
def matmul(ctx: Context, node: onnx.NodeProto, x: Value, w: Value) -> PendingForwardConv:
    """ONNX MatMul, opset 1-13: x [N, K] by a constant [K, M]. Unsupported: other ranks, computed or
    float weights.
    """
    if isinstance(w, Const) and len(w.shape) != 2:
        raise Unsupported(f"the second operand has {len(w.shape)} dimensions, expected 2")
    weight, scale = weights_of(ctx, w, 1)
    return _fully_connected(ctx, node, x, weight.T, scale, np.zeros(len(scale)))


def _fully_connected(
    ctx: Context,
    node: onnx.NodeProto,
    x: Value,
    weight: npt.NDArray[np.int8],
    scale: FloatArray,
    bias: FloatArray,
) -> PendingForwardConv:
    """A layer of weight [M, K] on x [N, K], whatever view of a map x is."""
    source = x if isinstance(x, Linear) and x.is_identity else ctx.as_map(x)
    if len(source.shape) != 2 or not isinstance(source, Linear):
        raise Unsupported(
            f"its input has {len(source.shape)} dimensions, expected [N, K]: put a Flatten before "
            "it"
        )
    n, c, h, w = ctx.tensor(source).shape
    if source.shape[0] != n or (source.index is None and source.shape[1] != c * h * w):
        raise Unsupported(f"its input {list(source.shape)} mixes the images of a batch")
    if weight.shape[1] != source.shape[1]:
        raise Unsupported(
            f"its weights take {weight.shape[1]} values, but its input has {source.shape[1]}"
        )
    if source.index is not None:
        order = source.index[0]
        if (source.index != order + np.arange(n)[:, None] * c * h * w).any():
            raise Unsupported("its input mixes the images of a batch")
        if len(np.unique(order)) < len(order):
            raise Unsupported("its input holds an element of a map twice")
        arranged = np.zeros((len(weight), c * h * w), weight.dtype)
        arranged[:, order] = weight
        weight = arranged
    return PendingForwardConv(
        (n, len(weight)),
        (n, len(weight), 1, 1),
        node.name,
        ctx.tensor(source),
        np.ascontiguousarray(weight).reshape(len(weight), c, h, w),
        scale,
        bias,
        fully_connected=True,
    )
