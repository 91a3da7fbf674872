"""The weight image: weights in the order in which the array streams them, parameters and tables."""

import dataclasses

import numpy as np

from hwcnn import isa

from .place import align


class Image:
    """Bytes that the compiler puts into DRAM, from `base` up; every item starts at a multiple of 64
    bytes.
    """

    def __init__(self, base):
        self.base, self._parts, self._size = base, [], 0

    def add(self, data):
        """Address of the appended bytes (any array; its bytes are taken as they are)."""
        data = np.ascontiguousarray(data).view(np.uint8).reshape(-1)
        at = self._size
        self._parts.append(data)
        pad = -len(data) % 64
        if pad:
            self._parts.append(np.zeros(pad, np.uint8))
        self._size += len(data) + pad
        return self.base + at

    @property
    def end(self):
        return align(self.base + self._size)

    def bytes(self):
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.uint8)


def terms(weight):
    """[int8 array] of the fewest that add up to `weight`, any integers: a pass each where int8 does
    not hold them.
    """
    count = max(1, -(-int(np.abs(weight).max(initial=0)) // 127)) if weight.dtype != np.int8 else 1
    found, rest = [], weight
    for _ in range(count):
        found.append(np.clip(rest, -127 if count > 1 else -128, 127).astype(np.int8))
        rest = rest - found[-1]
    return found


def lane_weights(op, placement, out_blocks, cols):
    """int8 [out_blocks, cols, input blocks, lanes, kh, kw]: dense weights on the lanes of the
    input; zero at holes.
    """
    cout, _, kh, kw = op.weight.shape
    rows = placement.blocks * placement.lanes
    full = np.zeros((out_blocks * cols, rows, kh, kw), np.int8)
    full[:cout, placement.positions()] = op.weight
    return full.reshape(out_blocks, cols, placement.blocks, placement.lanes, kh, kw)


def grouped_tile(op, placement, piece, cols):
    """int8 [piece.count, kh, kw, piece.n, lanes, cols]: the weight tiles of one piece of a grouped
    convolution.
    """
    lanes = placement.lanes
    cout, cin, kh, kw = op.weight.shape
    position = placement.positions()
    tile = np.zeros((piece.n, piece.count * lanes, cols, kh, kw), np.int8)
    first, last = piece.first * cols, min((piece.first + piece.n) * cols, cout)
    channel = np.arange(first, last)
    block = (channel - first) // cols
    inputs = position[(channel // (cout // op.groups))[:, None] * cin + np.arange(cin)]
    row = inputs - (piece.block + block * piece.step)[:, None] * lanes
    tile[block[:, None], row, ((channel - first) % cols)[:, None]] = op.weight[first:last]
    return tile.reshape(piece.n, piece.count, lanes, cols, kh, kw).transpose(1, 4, 5, 0, 2, 3)


def group_weights(op, placement, groups, cols):
    """[int8 bytes] a group: for each piece, ``[cb][ky][kx][output block][row][col]``.

    groups : [(order of the output blocks, pieces)]. With one piece a group the blocks may be in any
    order.
    """
    ops = [dataclasses.replace(op, weight=term) for term in terms(op.weight)]
    if op.groups == 1:
        out_blocks = sum(len(order) for order, _ in groups)
        full = [lane_weights(one, placement, out_blocks, cols) for one in ops]
    packed = []
    for order, pieces in groups:
        parts = []
        for p in pieces:
            if op.groups == 1:
                at = p.first - pieces[0].first
                part = full[p.term][
                    list(order[at : at + p.n]), :, p.block : p.block + p.count
                ].transpose(2, 4, 5, 0, 3, 1)
            else:
                part = grouped_tile(ops[p.term], placement, p, cols)
            parts.append(np.ascontiguousarray(part).reshape(-1))
        packed.append(parts[0] if len(parts) == 1 else np.concatenate(parts))
    return packed


def post_params(op, order, cols):
    """uint64 [output blocks, cols] in the given order of blocks; padded lanes are 0, so they give
    the zero point.
    """
    n = (max(order) + 1) * cols
    words = parameter_words(op.bias, op.mantissa, op.shift)
    padded = np.zeros(max(n, len(words)), np.uint64)
    padded[: len(words)] = words
    return padded[:n].reshape(-1, cols)[list(order)]


def vector_params(op, placement, slot_bytes):
    """uint64 [blocks, slot_bytes / 8] of a per-channel affine, on the lanes of its operand; 0
    behind them.
    """
    lanes = np.zeros(placement.blocks * placement.lanes, np.uint64)
    lanes[placement.positions()] = parameter_words(op.c, op.mantissa, op.shift)
    return np.pad(
        lanes.reshape(-1, placement.lanes),
        ((0, 0), (0, slot_bytes // isa.CHANNEL_BYTES - placement.lanes)),
    )


def parameter_words(bias, mantissa, shift):
    """uint64 words of `isa.CHANNEL`, of integers of one shape (or that broadcast)."""
    return isa.CHANNEL.pack_arrays({"bias": bias, "mantissa": mantissa, "shift": shift})
