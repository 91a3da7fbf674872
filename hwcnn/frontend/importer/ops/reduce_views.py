"""Sums and averages of some channels of each pixel, in views whose other axes are also made of
channels: convolutions of 1x1 with weights of one.
"""

from collections.abc import Collection

import numpy as np
import onnx

from hwcnn.frontend.importer.context import Context
from hwcnn.frontend.importer.pending_conv import PendingForwardConv
from hwcnn.frontend.importer.values import Linear

from .channel_constants import channel_of


def channels_of_view(
    ctx: Context, node: onnx.NodeProto, x: Linear, over: Collection[int], is_sum: bool
) -> PendingForwardConv | None:
    """The sum or average of a view along axes of it; None where these hold more than channels of
    one pixel, or where two results share some of them only.
    """
    tensor, axes = ctx.tensor(x), sorted(over)
    n, c, h, w = tensor.shape
    index = np.arange(np.prod(x.shape)).reshape(x.shape) if x.index is None else x.index
    kept = [axis for axis in range(index.ndim) if axis not in axes]
    index = index.transpose(*kept, *axes)
    index = index.reshape(*index.shape[: len(kept)], -1)
    channel, pixel, image = channel_of(tensor.shape, index), index % (h * w), index // (c * h * w)
    if any((part != part[..., :1]).any() for part in (pixel, image)):
        return None
    first, at, of = channel[..., 0], pixel[..., 0], image[..., 0]
    sets = channel[(at == at.flat[0]) & (of == of.flat[0])]
    result = np.zeros(c, np.int64)
    result[sets[:, 0]] = np.arange(len(sets))
    if (sets[result[first]] != channel).any():
        return None
    weight = np.zeros((len(sets), c, 1, 1), np.int8)
    np.add.at(weight, (np.arange(len(sets))[:, None], sets), 1)
    shape, count = ctx.result_shape(node), index.shape[-1]
    view = (of * len(sets) * h * w + result[first] * h * w + at).reshape(shape)
    in_order = view.size == n * len(sets) * h * w and (np.diff(view.reshape(-1)) == 1).all()
    return PendingForwardConv(
        shape,
        (n, len(sets), h, w),
        node.name,
        tensor,
        weight,
        np.full(len(sets), 1.0 if is_sum else 1 / count),
        np.zeros(len(sets)),
        moves=True,
        divisor=None if is_sum else count,
        index=None if in_order else view,
    )
