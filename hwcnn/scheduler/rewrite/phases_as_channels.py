"""Transposed convolutions of few output channels as one convolution and a shuffle.

A transposed convolution of stride s writes s * s phases, each with its share of the taps. As s * s
convolutions (`lower/subconvolutions.py`) each uses as many columns of the array as there are output
channels. Here the phases are output channels of one convolution, which uses s * s as many columns
at once; a transposed convolution of ones then moves them to their rows and columns. Shi et al.,
"Is the deconvolution layer the same as a convolutional layer?" (2016).
"""

from dataclasses import replace

import numpy as np

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.fixedpoint import multiplier

from .graph_editor import GraphEditor

#: How many times as many cycles the other way must take at least.
_WORTH = 1.15


def run(graph: ir.Graph, config: AccelConfig) -> ir.Graph:
    """The graph with those transposed convolutions replaced that take less cycles so."""
    editor = GraphEditor(graph)
    for op in graph.ops:
        if isinstance(op, ir.ConvTranspose) and _fits(op) and _pays(op, graph, config):
            editor.ops += _replaced(op, editor)
        else:
            editor.ops.append(op)
    return editor.result()


def _fits(op: ir.ConvTranspose) -> bool:
    """A convolution in one group, without dilation, of a stride."""
    return (
        op.groups == 1
        and op.dilation == (1, 1)
        and max(op.stride) > 1
        and min(op.pads) >= 0
        and not op.moves
    )


def _pays(op: ir.ConvTranspose, graph: ir.Graph, config: AccelConfig) -> bool:
    """Cycles of the array for a pixel of the operand, about; the shuffle takes a pass and a write
    for each pixel of the result.
    """
    _, c_in, height, width = graph.tensors[op.x].shape
    if height * width < config.rows:
        return False
    (kh, kw), (sh, sw), c_out = op.kernel, op.stride, op.weight.shape[1]
    blocks_in = -(-c_in // config.rows)
    taps = -(-kh // sh) * -(-kw // sw)
    apart = kh * kw * blocks_in * -(-c_out // config.cols)
    together = taps * blocks_in * -(-sh * sw * c_out // config.cols)
    shuffle = sh * sw * -(-c_out // min(config.rows, config.cols))
    return apart > _WORTH * (together + shuffle)


def _replaced(op: ir.ConvTranspose, editor: GraphEditor) -> list[ir.Op]:
    """The convolution and its shuffle.

    Row o of the result is row u = o + pad of the one that is not cropped, whose phase u mod s has
    the taps u mod s + s * j, j = 0, 1, ..., which meet rows u // s - j of the operand.
    """
    n, _, *out = editor.tensors[op.y].shape
    size = editor.tensors[op.x].shape[2:]
    taps = [-(-k // s) for k, s in zip(op.kernel, op.stride, strict=True)]
    first = [pad // s for pad, s in zip(op.pads, op.stride, strict=True)]
    last = [(o - 1 + pad) // s for o, pad, s in zip(out, op.pads, op.stride, strict=True)]
    rows, cols = (end - begin + 1 for begin, end in zip(first, last, strict=True))
    weight = _phase_weights(op, taps)
    shape = n, len(weight), rows, cols
    phases = editor.derive(op.y, "phases", shape)
    count = len(weight) // op.weight.shape[1]
    top, left = (t - 1 - begin for t, begin in zip(taps, first, strict=True))
    bottom, right = (end + 1 - limit for end, limit in zip(last, size, strict=True))
    sums = weight.sum(axis=(1, 2, 3), dtype=np.int64)
    conv = ir.Conv(
        op.name,
        op.x,
        phases,
        weight,
        (np.tile(op.bias.astype(np.int64), count) - op.x_zero * sums).astype(np.int32),
        np.tile(op.mantissa, count),
        np.tile(op.shift, count),
        op.zero,
        op.low,
        op.high,
        pads=(top, left, bottom, right),
        pad_value=op.x_zero,
        phases_of=op,
    )
    return [conv, _shuffle(op, phases)]


def _phase_weights(op: ir.ConvTranspose, taps: list[int]) -> np.ndarray:
    """int8 [phases * Cout, Cin, *taps], the phases by rows and columns; 0 where one has no tap."""
    c_in, c_out, kh, kw = op.weight.shape
    (sh, sw), (th, tw) = op.stride, taps
    full = np.zeros((c_in, c_out, th * sh, tw * sw), np.int8)
    full[:, :, :kh, :kw] = op.weight
    split = full.reshape(c_in, c_out, th, sh, tw, sw)[:, :, ::-1, :, ::-1]
    return np.ascontiguousarray(split.transpose(3, 5, 1, 0, 2, 4)).reshape(-1, c_in, th, tw)


def _shuffle(op: ir.ConvTranspose, phases: str) -> ir.ConvTranspose:
    """Moves each phase to its rows and columns."""
    c_out, (sh, sw) = op.weight.shape[1], op.stride
    ones, (mantissa, shift) = np.ones(c_out, np.int64), multiplier(1.0)
    weight = np.eye(sh * sw * c_out, dtype=np.int8).reshape(-1, sh, sw, c_out)
    return replace(
        op,
        name=f"{op.name}/shuffle",
        x=phases,
        weight=np.ascontiguousarray(weight.transpose(0, 3, 1, 2)),
        bias=np.zeros(c_out, np.int32),
        mantissa=ones * mantissa,
        shift=ones * shift,
        x_zero=op.zero,
        low=-128,
        high=127,
        pads=(op.pads[0] % sh, op.pads[1] % sw),
        moves=True,
    )
