"""Convolution."""

import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending_conv import PendingForwardConv
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Padded
from hwcnn.frontend.importer.window_geometry import window

from .weights import bias_of, spatial_weights, weights_of


@operator(
    "Conv",
    attributes=("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"),
    runs_on="array",
    limits="1-D and 2-D; constant weights",
)
def conv(
    ctx: Context, node: onnx.NodeProto, x: Value, w: Value, b: Value | None = None
) -> PendingForwardConv:
    """ONNX Conv, opset 1-22: x [N, Cin, H, W] or [N, Cin, L], weights [Cout, Cin/groups, kh, kw] or
    [Cout, Cin/groups, k], bias [Cout]. A Pad by 0 before it becomes its pads.

    Unsupported: three dimensions, computed or float weights, shapes that do not fit each other.
    """
    mapped = ctx.as_map(x)
    weight, scale = weights_of(ctx, w, 0)
    weight = spatial_weights(weight)
    if isinstance(mapped, Padded) and mapped.value != 0:
        mapped = ctx.materialise(mapped)
    pads = mapped.pads if isinstance(mapped, Padded) else (0, 0, 0, 0)
    given, tensor = attributes(node), ctx.tensor(mapped)
    _, _, kh, kw = weight.shape
    g = window(given, (kh, kw), tensor.shape[2:], pads)
    if b is not None and b.shape != weight.shape[:1]:
        raise Unsupported(f"its bias {list(b.shape)} does not fit {len(weight)} channels")
    groups = given.get("group", 1)
    if weight.shape[1] * groups != tensor.shape[1] or len(weight) % groups:
        raise Unsupported(
            f"its weights {list(weight.shape)} in {groups} group(s) take "
            f"{weight.shape[1] * groups} channels, but the map has {tensor.shape[1]}"
        )
    return PendingForwardConv(
        ctx.result_shape(node),
        ctx.result_map_shape(node),
        node.name,
        tensor,
        weight,
        scale,
        bias_of(b, len(weight)),
        stride=g.stride,
        dilation=g.dilation,
        groups=groups,
        pads=g.pads,
    )
