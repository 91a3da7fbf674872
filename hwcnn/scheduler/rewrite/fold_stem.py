"""Stem folding: the host turns the taps of a first convolution into channels (im2col), where the
input has fewer channels than the array has rows.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.manifest import Im2col


def run(graph: ir.Graph, config: AccelConfig) -> ir.Graph:
    """The graph with the first convolutions that are worth it folded to read packed inputs."""
    tensors, ops, inputs = dict(graph.tensors), list(graph.ops), list(graph.inputs)
    for conv, fold_rows in _foldable(graph, config.rows):
        packed = _packed_name(conv)
        shape = _spec(conv, graph.tensors, fold_rows).shape
        tensors[packed] = dataclasses.replace(tensors.pop(conv.x), name=packed, shape=shape)
        ops[ops.index(conv)] = _folded(conv, packed, fold_rows)
        inputs[inputs.index(conv.x)] = packed
    return dataclasses.replace(graph, tensors=tensors, ops=ops, inputs=inputs)


def packings(graph: ir.Graph, config: AccelConfig) -> dict[str, Im2col]:
    """The packing of each input that `run` makes of a graph's own, for `pack_input`."""
    return {
        _packed_name(conv): _spec(conv, graph.tensors, fold_rows)
        for conv, fold_rows in _foldable(graph, config.rows)
    }


def _packed_name(conv: ir.Conv) -> str:
    return f"{conv.x}.packed"


def _foldable(graph: ir.Graph, rows: int) -> Iterator[tuple[ir.Conv, bool]]:
    """(convolution, whether to fold both axes) where it is the only reader of an input and folding
    saves passes.
    """
    for name in graph.inputs:
        readers = graph.consumers(name)
        if len(readers) != 1 or name in graph.outputs:
            continue
        (conv,) = readers
        if not isinstance(conv, ir.Conv) or conv.groups != 1 or min(conv.pads) < 0:
            continue
        fold_rows = _better_fold(conv, rows)
        is_residual = conv.second is not None and conv.second.residual == name
        if fold_rows is not None and not is_residual:
            yield conv, fold_rows


def _better_fold(conv: ir.Conv, rows: int) -> bool | None:
    """True: fold both axes; False: only the columns; None: folding saves nothing."""
    _, channels, kh, kw = conv.weight.shape
    if channels >= rows or kh * kw == 1:
        return None
    both, columns, plain = -(-kh * kw * channels // rows), kh * -(-kw * channels // rows), kh * kw
    if min(both, columns) >= plain:
        return None
    return both <= columns


def _spec(conv: ir.Conv, tensors: dict[str, ir.Tensor], fold_rows: bool) -> Im2col:
    n, _, _, _ = tensors[conv.x].shape
    _, channels, kh, kw = conv.weight.shape
    _, _, out_rows, out_cols = tensors[conv.y].shape
    rows = out_rows if fold_rows else tensors[conv.x].shape[2]
    return Im2col(
        source=conv.x,
        source_shape=tensors[conv.x].shape,
        shape=(n, (kh if fold_rows else 1) * kw * channels, rows, out_cols),
        fold_rows=fold_rows,
        kernel=(kh, kw),
        stride=conv.stride,
        dilation=conv.dilation,
        pads=conv.pads,
        pad_value=conv.pad_value,
    )


def _folded(conv: ir.Conv, packed: str, fold_rows: bool) -> ir.Conv:
    cout, channels, kh, kw = conv.weight.shape
    if fold_rows:
        weight = conv.weight.transpose(0, 2, 3, 1).reshape(cout, kh * kw * channels, 1, 1)
        return dataclasses.replace(
            conv, x=packed, weight=weight, stride=(1, 1), pads=(0, 0, 0, 0), dilation=(1, 1)
        )
    weight = conv.weight.transpose(0, 3, 1, 2).reshape(cout, kw * channels, kh, 1)
    top, _, bottom, _ = conv.pads
    return dataclasses.replace(
        conv,
        x=packed,
        weight=weight,
        stride=(conv.stride[0], 1),
        pads=(top, 0, bottom, 0),
        dilation=(conv.dilation[0], 1),
    )


def pack_input(values: np.ndarray, pack: Im2col | None) -> np.ndarray:
    """int8 [N, K, rows, columns] of a picture int8 [N, C, H, W].

    K runs over (kernel row,) kernel column, channel. pack : of the manifest; None gives the picture
    as it is.
    """
    values = np.asarray(values, np.int8)
    if pack is None:
        return values
    if values.shape != pack.source_shape:
        raise ValueError(f"expected an input of shape {pack.source_shape}, not {values.shape}")
    (kh, kw), (sh, sw), (dh, dw), fold = pack.kernel, pack.stride, pack.dilation, pack.fold_rows
    top, left, bottom, right = pack.pads
    _, _, rows, cols = pack.shape
    pads = ((top, bottom) if fold else (0, 0), (left, right))
    padded = np.pad(values, ((0, 0), (0, 0), *pads), constant_values=pack.pad_value)
    taps = []
    for ky in range(kh if fold else 1):
        for kx in range(kw):
            y0, ys = (ky * dh, sh) if fold else (0, 1)
            taps.append(
                padded[
                    :,
                    :,
                    y0 : y0 + (rows - 1) * ys + 1 : ys,
                    kx * dw : kx * dw + (cols - 1) * sw + 1 : sw,
                ]
            )
    return np.ascontiguousarray(np.concatenate(taps, axis=1))
