"""Transposed convolution."""

import numpy as np

from hwcnn import ir
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.requant import ratio
from hwcnn.frontend.importer.values import PendingConv, map_shape
from hwcnn.frontend.importer.window_geometry import pair

from .weights import bias_of, fit_accumulator, weights

_ATTRIBUTES = (
    "auto_pad",
    "dilations",
    "group",
    "kernel_shape",
    "output_padding",
    "output_shape",
    "pads",
    "strides",
)


@operator(
    "ConvTranspose", attributes=_ATTRIBUTES, limits="1-D and 2-D; constant weights", runs_on="array"
)
def conv_transpose(ctx, node, x, w, b=None):
    a, x = attributes(node), ctx.materialise(x)
    weight, scale = weights(ctx, w, 1)
    if weight.ndim not in (3, 4):
        raise Unsupported(f"{weight.ndim - 2}-D convolution: 1-D and 2-D are supported")
    weight = weight[:, :, None, :] if weight.ndim == 3 else weight
    groups, tensor, shape = a.get("group", 1), ctx.tensor(x), tuple(ctx.shapes[node.output[0]])
    if len(weight) != tensor.shape[1] or len(weight) % groups:
        raise Unsupported(
            f"its weights take {len(weight)} channels, but the map has {tensor.shape[1]}"
        )
    channels, y_shape = weight.shape[1] * groups, map_shape(shape)
    stride, dilation = pair(a.get("strides"), 1), pair(a.get("dilations"), 1)
    scale, bias = np.tile(scale, groups), bias_of(b, channels)
    pads = _pads(a, weight.shape[2:], stride, dilation, tensor.shape[2:], y_shape[2:])

    def emit(y, low, high, gain, offset):
        unit = tensor.scale * scale * gain
        if (unit <= 0).any():
            raise Unsupported("a channel is multiplied by zero or less after it")
        rows, folded, unit = fit_accumulator(
            _by_output(weight, groups),
            (bias * gain + offset) / unit,
            unit,
            tensor.zero,
            np.inf if ctx.dry_run else y.scale,
        )
        real = folded + tensor.zero * rows.reshape(channels, -1).sum(axis=1, dtype=np.int64)
        mantissa, shift = ratio(unit / y.scale)
        return ir.ConvTranspose(
            node.name,
            tensor.name,
            y.name,
            _by_input(rows, groups),
            real,
            mantissa,
            shift,
            tensor.zero,
            y.zero,
            low,
            high,
            stride,
            pads,
            dilation,
            groups,
        )

    return PendingConv(shape, y_shape, emit)


def _by_output(weight, groups):
    """[Cin, Cout/groups, kh, kw] as [Cout, Cin/groups, kh, kw]."""
    c_in, c_out, *kernel = weight.shape
    return (
        weight.reshape(groups, c_in // groups, c_out, *kernel)
        .swapaxes(1, 2)
        .reshape(groups * c_out, c_in // groups, *kernel)
    )


def _by_input(weight, groups):
    """The inverse of `_by_output`."""
    c_out, c_in, *kernel = weight.shape
    return (
        weight.reshape(groups, c_out // groups, c_in, *kernel)
        .swapaxes(1, 2)
        .reshape(groups * c_in, c_out // groups, *kernel)
    )


def _pads(a, kernel, stride, dilation, size, out):
    """Pads at the top and left. Where the result's size is given, or with auto_pad, they follow
    from that.
    """
    auto, given = a.get("auto_pad", "NOTSET"), a.get("pads") or (0,) * 4
    if auto == "VALID":
        return (0, 0)
    if auto == "NOTSET" and not a.get("output_shape"):
        return (0, given[0]) if len(given) == 2 else tuple(given[:2])
    if auto.startswith("SAME") and any(
        o != n * s for n, s, o in zip(size, stride, out, strict=True)
    ):
        raise Unsupported(
            "auto_pad where the result is not the map times the stride (a kernel shorter than the stride, or output_padding): "
            "onnx and onnxruntime define different sizes; write the pads instead"
        )
    extra, before = pair(a.get("output_padding"), 0), []
    for n, s, k, d, o, e in zip(size, stride, kernel, dilation, out, extra, strict=True):
        total = max(0, s * (n - 1) + e + (k - 1) * d + 1 - o)
        before.append(total // 2 if auto == "SAME_UPPER" else total - total // 2)
    return tuple(before)
