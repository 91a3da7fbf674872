"""Kernels, strides, pads and output sizes of window operators, as ONNX defines them."""

from dataclasses import dataclass

from .registry import Unsupported


@dataclass(frozen=True)
class Window:
    """Geometry in two dimensions; pads: top, left, bottom, right; out: rows, columns."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pads: tuple[int, int, int, int]
    out: tuple[int, int]


def pair(values, default):
    """A per-axis attribute in two dimensions: absent gives `default` twice, one value is for
    columns.
    """
    if not values:
        return (default, default)
    return (default, int(values[0])) if len(values) == 1 else tuple(int(v) for v in values)


def window(attributes, kernel, size, extra=(0, 0, 0, 0)):
    """The `Window` of Conv or a pool. kernel, size: rows, columns; extra: pads of a Pad before it."""
    stride, dilation = pair(attributes.get("strides"), 1), pair(attributes.get("dilations"), 1)
    size = (size[0] + extra[0] + extra[2], size[1] + extra[1] + extra[3])
    span = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    auto = attributes.get("auto_pad", "NOTSET")
    if auto == "NOTSET":
        pads = attributes.get("pads") or (0, 0, 0, 0)
        pads = tuple(pads) if len(pads) == 4 else (0, pads[0], 0, pads[1])
        if min(pads) < 0:
            raise Unsupported("negative pads")
    else:
        pads = _auto(auto, size, stride, span)
    ceil = attributes.get("ceil_mode", 0) and auto != "VALID"
    out = []
    for axis in (0, 1):
        room = size[axis] + pads[axis] + pads[axis + 2] - span[axis]
        count = (-(-room // stride[axis]) if ceil else room // stride[axis]) + 1
        if ceil and (count - 1) * stride[axis] >= size[axis] + pads[axis]:
            count -= 1
        out.append(count)
    if min(out) < 1:
        raise Unsupported(f"its window {list(span)} is larger than the padded map {list(size)}")
    return Window(
        tuple(kernel),
        stride,
        dilation,
        tuple(p + e for p, e in zip(pads, extra, strict=True)),
        tuple(out),
    )


def _auto(auto, size, stride, span):
    if auto == "VALID":
        return (0, 0, 0, 0)
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"auto_pad {auto!r}")
    before, after = [], []
    for n, s, k in zip(size, stride, span, strict=True):
        total = (-(-n // s) - 1) * s + k - n
        if total < -1:
            raise Unsupported(
                f"auto_pad with stride {s} on {n} elements, which leaves {-total} of them out: onnx and onnxruntime leave out "
                "different ones; write the pads instead"
            )
        total = max(total, 0)
        less = total // 2
        before.append(less if auto == "SAME_UPPER" else total - less)
        after.append(total - before[-1])
    return (*before, *after)
