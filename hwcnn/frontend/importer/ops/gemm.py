"""Gemm and MatMul by a constant: a fully connected layer is a convolution as large as its input
map; on the channels of every pixel, it is a convolution of 1x1.
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
    limits="second operand constant; transA = 0; rows are pictures, or the pixels of a map",
)
def gemm(
    ctx: Context, node: onnx.NodeProto, x: Value, w: Value, c: Value | None = None
) -> PendingForwardConv:
    """ONNX Gemm, opset 1-13: x [N, K] or [N*H*W, C], constant w [K, M], or [M, K] with transB,
    constant c that broadcasts to [M].

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


@operator(
    "MatMul", runs_on="array", limits="[N, K] by a constant [K, M], or [.., C], the pixels of a map"
)
def matmul(ctx: Context, node: onnx.NodeProto, x: Value, w: Value) -> PendingForwardConv:
    """ONNX MatMul, opset 1-13: x [N, K], or [.., C] with the channels of the pixels of a map, by a
    constant [K, M]. Unsupported: computed or float weights.
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
    """A layer of weight [M, K] on x [N, K], whatever view of a map x is, or on its pixels."""
    source = x if isinstance(x, Linear) and x.is_identity else ctx.as_map(x)
    if isinstance(source, Linear) and (at := _pixels(ctx, source)) is not None:
        return _by_pixel(ctx, node, source, at, weight, scale, bias)
    if len(source.shape) != 2 or not isinstance(source, Linear):
        raise Unsupported(
            f"its input has {len(source.shape)} dimensions, expected [N, K]: put a Flatten before "
            "it"
        )
    if source.index is not None and len(np.unique(source.index[0])) < source.shape[1]:
        source = ctx.materialise(source)  # it holds an element of a map twice
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


def _pixels(ctx: Context, x: Linear) -> npt.NDArray[np.int64] | None:
    """The flat position, in the map's first channel, of each row of a view whose last axis is the
    channels of a map, of which [N, C] of one pixel is none here; None of others.
    """
    _, c, h, w = ctx.tensor(x).shape
    index = np.arange(np.prod(x.shape)).reshape(x.shape) if x.index is None else x.index
    if x.shape[-1] != c or (h * w == 1 and len(x.shape) == 2):
        return None
    first = index[..., 0]
    columns = index == first[..., None] + np.arange(c) * h * w
    return first if columns.all() and (first % (c * h * w) < h * w).all() else None


def _by_pixel(
    ctx: Context,
    node: onnx.NodeProto,
    x: Linear,
    at: npt.NDArray[np.int64],
    weight: npt.NDArray[np.int8],
    scale: FloatArray,
    bias: FloatArray,
) -> PendingForwardConv:
    """A convolution of 1x1, whose result is the same view. at : as `_pixels` gives it."""
    n, c, h, w = ctx.tensor(x).shape
    image, pixel = np.divmod(at, c * h * w)
    outputs = len(weight)
    index = (image * outputs * h * w + pixel)[..., None] + np.arange(outputs) * h * w
    return PendingForwardConv(
        (*x.shape[:-1], outputs),
        (n, outputs, h, w),
        node.name,
        ctx.tensor(x),
        np.ascontiguousarray(weight)[:, :, None, None],
        scale,
        bias,
        index=index,
    )
