"""Padding of rows and columns."""

import numpy as np

from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Host, Padded

from .reshape import restate


@operator(
    "Pad",
    attributes=("mode", "pads", "value"),
    runs_on="array",
    limits="rows and columns only; constant, edge, reflect or wrap; by 0 before a convolution or a pool it costs nothing",
)
def pad(ctx, node, x, pads=None, value=None, axes=None):
    a = attributes(node)
    if any(v is not None and not isinstance(v, Const) for v in (pads, value, axes)):
        raise Unsupported("its pads are computed, not constant")
    rank = len(x.shape)
    given = [int(v) for v in (a["pads"] if pads is None else pads.array)]
    on = range(rank) if axes is None else [int(v) % rank for v in axes.array]
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(on):
        before[axis], after[axis] = given[i], given[i + len(given) // 2]
    real = (
        a.get("value", 0.0)
        if value is None
        else float(value.array.reshape(-1)[0])
        if value.array.size
        else 0.0
    )
    if not any(given):
        return x
    if rank < 3 or any(before[:2]) or any(after[:2]):
        raise Unsupported(f"pads {given}: only rows and columns can be padded")
    mode = a.get("mode", "constant")
    if mode != "constant":
        if min(given) < 0 or isinstance(x, Host):
            raise Unsupported(f"mode {mode!r} with pads {given}")
        return restate(
            ctx, node, x, lambda index: np.pad(index, list(zip(before, after, strict=True)), mode)
        )
    if min(given) < 0:
        x = _cropped(ctx, node, x, before, after)
        before, after = np.maximum(before, 0), np.maximum(after, 0)
    x = ctx.as_map(x)
    if isinstance(x, Padded):
        x = ctx.materialise(x)
    rows = (0, 0) if rank == 3 else (before[2], after[2])
    shape = tuple(ctx.shapes[node.output[0]])
    return Padded(
        x.tensor, shape, tuple(int(p) for p in (rows[0], before[-1], rows[1], after[-1])), real
    )


def _cropped(ctx, node, x, before, after):
    """x without the rows and columns that negative pads take off."""
    parts = [
        slice(max(0, -b), n - max(0, -a)) for b, a, n in zip(before, after, x.shape, strict=True)
    ]
    shape = tuple(p.stop - p.start for p in parts)
    if min(shape) < 1:
        raise Unsupported("its pads leave nothing of the map")
    return restate(ctx, node, x, lambda index: index[tuple(parts)], shape)
