"""Stem folding: the host turns the taps of a first convolution with few channels into channels."""

import dataclasses

import numpy as np

from hwcnn import ir


def fold_stem(graph, rows):
    """Fold first convolutions whose input has fewer channels than the array has rows.

    Returns (graph, packs): packs maps the new input's name to its packing spec, for `pack_input`. A
    convolution is folded where it is the only reader of a graph input and folding saves passes:
    both kernel axes, or only the columns.
    """
    tensors, ops, inputs, packs = dict(graph.tensors), list(graph.ops), list(graph.inputs), {}
    for name in graph.inputs:
        readers = graph.consumers(name)
        if (
            len(readers) != 1
            or name in graph.outputs
            or not isinstance(readers[0], ir.Conv)
            or readers[0].groups != 1
        ):
            continue
        conv = readers[0]
        fold_rows = _better_fold(conv, rows)
        if (
            fold_rows is None
            or min(conv.pads) < 0
            or (conv.second is not None and conv.second.residual == name)
        ):
            continue
        spec = _spec(conv, graph.tensors, fold_rows)
        packed = f"{name}.packed"
        tensors[packed] = dataclasses.replace(
            graph.tensors[name], name=packed, shape=tuple(spec["shape"])
        )
        del tensors[name]
        ops[ops.index(conv)] = _folded(conv, packed, fold_rows)
        inputs[inputs.index(name)] = packed
        packs[packed] = spec
    return dataclasses.replace(graph, tensors=tensors, ops=ops, inputs=inputs), packs


def _better_fold(conv, rows):
    """True: fold both axes; False: only the columns; None: folding saves nothing."""
    _, channels, kh, kw = conv.weight.shape
    if channels >= rows or kh * kw == 1:
        return None
    both, columns, plain = -(-kh * kw * channels // rows), kh * -(-kw * channels // rows), kh * kw
    if min(both, columns) >= plain:
        return None
    return both <= columns


def _spec(conv, tensors, fold_rows):
    n, _, _, _ = tensors[conv.x].shape
    _, channels, kh, kw = conv.weight.shape
    _, _, out_rows, out_cols = tensors[conv.y].shape
    rows = out_rows if fold_rows else tensors[conv.x].shape[2]
    return dict(
        source=conv.x,
        source_shape=list(tensors[conv.x].shape),
        shape=[n, (kh if fold_rows else 1) * kw * channels, rows, out_cols],
        fold_rows=fold_rows,
        kernel=[kh, kw],
        stride=list(conv.stride),
        dilation=list(conv.dilation),
        pads=list(conv.pads),
        pad_value=conv.pad_value,
    )


def _folded(conv, packed, fold_rows):
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


def pack_input(values, spec):
    """int8 [N, K, rows, columns] of a picture int8 [N, C, H, W]: im2col by a manifest's packing
    spec.

    K runs over (kernel row,) kernel column, channel. spec None gives the picture as it is.
    """
    values = np.asarray(values, np.int8)
    if spec is None:
        return values
    if list(values.shape) != list(spec["source_shape"]):
        raise ValueError(
            f"expected an input of shape {spec['source_shape']}, not {list(values.shape)}"
        )
    (kh, kw), (sh, sw), (dh, dw), fold = (
        spec["kernel"],
        spec["stride"],
        spec["dilation"],
        spec["fold_rows"],
    )
    top, left, bottom, right = spec["pads"]
    _, _, rows, cols = spec["shape"]
    pads = ((top, bottom) if fold else (0, 0), (left, right))
    padded = np.pad(values, ((0, 0), (0, 0), *pads), constant_values=spec["pad_value"])
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
