"""Kernels, strides, pads and output sizes of window operators, as ONNX defines them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .registry import Unsupported


@dataclass(frozen=True)
class Window:
    """Geometry in two dimensions; pads: top, left, bottom, right; out: rows, columns."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pads: tuple[int, int, int, int]
    out: tuple[int, int]


def pair(values: Sequence[int] | None, default: int) -> tuple[int, int]:
    """A per-axis attribute in two dimensions: absent gives `default` twice, one value is for
    columns.
    """
    if not values:
        return default, default
    if len(values) == 1:
        return default, int(values[0])
    rows, cols = values
    return int(rows), int(cols)


def window(
    attributes: Mapping[str, Any],
    kernel: tuple[int, int],
    size: tuple[int, int],
    extra: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Window:
    """The geometry of Conv or a pool.

    attributes : of the node, of which those of geometry are read. kernel, size : rows, columns, of
    the kernel and of its input; extra : pads of a Pad before it. Raises Unsupported for negative
    pads, a window larger than the padded map, and where onnx and onnxruntime differ.
    """
    stride, dilation = pair(attributes.get("strides"), 1), pair(attributes.get("dilations"), 1)
    size = (size[0] + extra[0] + extra[2], size[1] + extra[1] + extra[3])
    span = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    auto = attributes.get("auto_pad", "NOTSET")
    if auto == "NOTSET":
        given = attributes.get("pads") or (0, 0, 0, 0)
        pads = tuple(given) if len(given) == 4 else (0, given[0], 0, given[1])
        if min(pads) < 0:
            raise Unsupported("negative pads")
    else:
        pads = _auto(auto, size, stride, span)
    ceil = attributes.get("ceil_mode", 0) and auto != "VALID"
    out: list[int] = []
    for axis in (0, 1):
        steps = size[axis] + pads[axis] + pads[axis + 2] - span[axis]
        count = (-(-steps // stride[axis]) if ceil else steps // stride[axis]) + 1
        if ceil and (count - 1) * stride[axis] >= size[axis] + pads[axis]:
            count -= 1
        out.append(count)
    if min(out) < 1:
        raise Unsupported(f"its window {list(span)} is larger than the padded map {list(size)}")
    top, left, bottom, right = (p + e for p, e in zip(pads, extra, strict=True))
    return Window(kernel, stride, dilation, (top, left, bottom, right), (out[0], out[1]))


def _auto(
    auto: str, size: Sequence[int], stride: Sequence[int], span: Sequence[int]
) -> tuple[int, ...]:
    """Pads (top, left, bottom, right) of auto_pad VALID, SAME_UPPER or SAME_LOWER. span : of the
    dilated kernel.
    """
    if auto == "VALID":
        return (0, 0, 0, 0)
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"auto_pad {auto!r}")
    before: list[int] = []
    after: list[int] = []
    for n, s, k in zip(size, stride, span, strict=True):
        total = (-(-n // s) - 1) * s + k - n
        if total < -1:
            raise Unsupported(
                f"auto_pad with stride {s} on {n} elements, which leaves {-total} of them out: "
                "onnx and onnxruntime leave out different ones; write the pads instead"
            )
        total = max(total, 0)
        less = total // 2
        before.append(less if auto == "SAME_UPPER" else total - less)
        after.append(total - before[-1])
    return (*before, *after)
