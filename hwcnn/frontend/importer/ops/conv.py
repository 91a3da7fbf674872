"""Convolution."""

from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Padded
from hwcnn.frontend.importer.window_geometry import window

from .weights import bias_of, pending, weights


@operator(
    "Conv",
    attributes=("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"),
    runs_on="array",
    limits="1-D and 2-D; constant weights",
)
def conv(ctx, node, x, w, b=None):
    x = ctx.as_map(x)
    weight, scale = weights(ctx, w, 0)
    if weight.ndim not in (3, 4):
        raise Unsupported(f"{weight.ndim - 2}-D convolution: 1-D and 2-D are supported")
    if weight.ndim == 3:
        weight = weight[:, :, None, :]
    a = attributes(node)
    if isinstance(x, Padded) and x.value != 0:
        x = ctx.materialise(x)
    pads = x.pads if isinstance(x, Padded) else (0, 0, 0, 0)
    g = window(a, weight.shape[2:], ctx.tensor(x).shape[2:], pads)
    if b is not None and b.shape != weight.shape[:1]:
        raise Unsupported(f"its bias {list(b.shape)} does not fit {len(weight)} channels")
    groups = a.get("group", 1)
    if weight.shape[1] * groups != ctx.tensor(x).shape[1] or len(weight) % groups:
        raise Unsupported(
            f"its weights {list(weight.shape)} in {groups} group(s) take {weight.shape[1] * groups} channels, "
            f"but the map has {ctx.tensor(x).shape[1]}"
        )
    shape = ctx.shapes[node.output[0]]
    return pending(
        ctx,
        node,
        x.tensor,
        shape,
        weight,
        scale,
        bias_of(b, len(weight)),
        stride=g.stride,
        pads=g.pads,
        dilation=g.dilation,
        groups=groups,
    )
