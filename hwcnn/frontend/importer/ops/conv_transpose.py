"""Transposed convolution."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending_conv import PendingConvTranspose
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.window_geometry import pair

from .weights import bias_of, spatial_weights, weights_of

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
def conv_transpose(
    ctx: Context, node: onnx.NodeProto, x: Value, w: Value, b: Value | None = None
) -> PendingConvTranspose:
    """ONNX ConvTranspose, opset 1-22: x [N, Cin, H, W] or [N, Cin, L], weights [Cin, Cout/groups,
    kh, kw] or [Cin, Cout/groups, k], bias [Cout].

    Unsupported: three dimensions, computed or float weights, shapes that do not fit each other,
    auto_pad whose size onnx and onnxruntime define differently.
    """
    a, tensor = attributes(node), ctx.tensor(ctx.materialise(x))
    weight, scale = weights_of(ctx, w, 1)
    weight = spatial_weights(weight)
    groups = a.get("group", 1)
    if len(weight) != tensor.shape[1] or len(weight) % groups:
        raise Unsupported(
            f"its weights take {len(weight)} channels, but the map has {tensor.shape[1]}"
        )
    channels, y_shape = weight.shape[1] * groups, ctx.result_map_shape(node)
    stride, dilation = pair(a.get("strides"), 1), pair(a.get("dilations"), 1)
    pads = _pads(a, weight.shape[2:], stride, dilation, tensor.shape[2:], y_shape[2:])
    return PendingConvTranspose(
        ctx.result_shape(node),
        y_shape,
        node.name,
        tensor,
        weight,
        np.tile(scale, groups),
        bias_of(b, channels),
        stride=stride,
        dilation=dilation,
        groups=groups,
        pads=pads,
    )


def _pads(
    a: Mapping[str, Any],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    size: Sequence[int],
    out: Sequence[int],
) -> tuple[int, int]:
    """Pads at the top and left. Where the result's size is given, or with auto_pad, they follow
    from that. a : attributes; all others: rows, columns.
    """
    auto, given = a.get("auto_pad", "NOTSET"), a.get("pads") or (0,) * 4
    if auto == "VALID":
        return 0, 0
    if auto == "NOTSET" and not a.get("output_shape"):
        return (0, given[0]) if len(given) == 2 else (given[0], given[1])
    if auto.startswith("SAME") and any(
        o != n * s for n, s, o in zip(size, stride, out, strict=True)
    ):
        raise Unsupported(
            "auto_pad where the result is not the map times the stride (a kernel shorter than the "
            "stride, or output_padding): onnx and onnxruntime define different sizes; write the "
            "pads instead"
        )
    extra, before = pair(a.get("output_padding"), 0), list[int]()
    for n, s, k, d, o, e in zip(size, stride, kernel, dilation, out, extra, strict=True):
        total = max(0, s * (n - 1) + e + (k - 1) * d + 1 - o)
        before.append(total // 2 if auto == "SAME_UPPER" else total - total // 2)
    return before[0], before[1]
