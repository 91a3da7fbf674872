"""VECTOR in the ISA engine: windows, arithmetic, local response normalisation, table."""

import functools

import numpy as np

from hwcnn import isa
from hwcnn.fixedpoint import requantise

from .isa_machine import Machine, Values, unpack_parameters


def vector(machine: Machine, v: Values) -> None:
    """Compute a tile of results from operand A (and B) in DRAM."""
    a = machine.read_tile(v).astype(np.int64)
    if v["lrn"]:
        q = _lrn(machine, v, a)
    else:
        if v["reduce"] == isa.REDUCE_DEPTHWISE:
            a = _depthwise(machine, v, a)
        elif v["reduce"] != isa.REDUCE_NONE:
            a = _windows(v, a)
        q = _alu(machine, v, a)
    if v["lut"]:
        q = machine.table[q.astype(np.int64) + 128]
    machine.write_tile(v, q.reshape(v["n_blk"], -1, machine.config.lanes))
    machine.complete("vstore")


def _windows(v: Values, a: np.ndarray) -> np.ndarray:
    """Windows reduced: int64 [n_blk, out_rows, out_cols, lanes]."""
    rows, cols = v["out_rows"], v["out_cols"]
    taps = [
        a[
            :,
            ky : ky + (rows - 1) * v["sh"] + 1 : v["sh"],
            kx : kx + (cols - 1) * v["sw"] + 1 : v["sw"],
        ]
        for ky in range(v["kh"])
        for kx in range(v["kw"])
    ]
    return functools.reduce(np.maximum if v["reduce"] == isa.REDUCE_MAX else np.add, taps)


def _depthwise(machine: Machine, v: Values, a: np.ndarray) -> np.ndarray:
    """Sums of products with the weights: int64 [n_blk, out_rows, out_cols, lanes].

    The word of weights that follows an output's last one is the next output's, until the banks are
    turned as for the first one again.
    """
    taps, rows, cols = machine.config.dw_taps, v["out_rows"], v["out_cols"]
    step = v["line_words"] // v["row_words"]
    columns = np.arange(cols) * v["sw"]
    turn = columns % taps
    again = next((n for n in range(1, cols) if turn[n] == 0), cols)
    copy = np.arange(cols) % again
    # Beyond the map there is what was there before, which no weight but 0 meets.
    a = np.pad(a, ((0, 0), (0, 0), (0, taps), (0, 0)))
    total = np.zeros((v["n_blk"], rows, cols, a.shape[3]), np.int64)
    for ky in range(v["kh"]):
        lines = a[:, ky * step : ky * step + (rows - 1) * v["sh"] + 1 : v["sh"]]
        for column in range(v["n_kx"] * taps):
            word = (copy * v["kh"] + ky) * v["n_kx"] + column // taps
            at = v["dw_weights"] + np.arange(v["n_blk"])[:, None] * v["dw_words"] + word
            weights = machine.dw_weights[at % len(machine.dw_weights), (columns + column) % taps]
            total += lines[:, :, columns + column] * weights[:, None].astype(np.int64)
    return total


def _alu(machine: Machine, v: Values, x: np.ndarray) -> np.ndarray:
    """int8 results, of the shape of x (int64)."""
    a, b = x + v["ca"], _operand_b(machine, v, x.shape)
    ma, c, shift = v["ma"], v["c"], v["shift"]
    if v["per_channel"]:
        slots = (v["slot"] + np.arange(v["n_blk"])) % machine.config.param_slots
        c, ma, shift = (
            field[:, None, None]
            for field in unpack_parameters(machine.vector_params[slots], isa.VECTOR_CHANNEL)
        )
    if v["alu"] == isa.ALU_MUL:
        t = a * b * v["mb"]
    else:
        combine = {isa.ALU_ADD: np.add, isa.ALU_MAX: np.maximum, isa.ALU_MIN: np.minimum}
        t = combine[v["alu"]](a * ma, b * v["mb"])
    return requantise(t + c, 1, shift, v["zero"], v["low"], v["high"])


def _operand_b(machine: Machine, v: Values, shape: tuple[int, ...]) -> np.ndarray | int:
    """B with its offset: a map of a shape, one vector a block, or 0."""
    if v["b_mode"] == isa.B_NONE:
        return 0
    if v["b_mode"] == isa.B_MAP:
        strides = v["b_blk_stride"], v["row_stride"], machine.config.lanes, 1
    else:
        strides = v["b_blk_stride"], 0, 0, 1
    return machine.memory(v["b_addr"], strides, shape).astype(np.int64) + v["cb"]


def _lrn(machine: Machine, v: Values, a: np.ndarray) -> np.ndarray:
    """int8 [n_blk, pixels, lanes]; a : int64 [n_blk, rows, cols, lanes]. Channels follow each other
    through lanes and blocks.
    """
    n_blk, rows, cols, lanes = a.shape
    d = (a + v["ca"]).transpose(0, 3, 1, 2).reshape(n_blk * lanes, rows * cols)
    half = v["lrn_half"]
    squares = np.pad(d * d, ((half, half), (0, 0)))
    total = functools.reduce(np.add, [squares[k : k + len(d)] for k in range(2 * half + 1)])
    exponent = np.maximum(np.floor(np.log2(np.maximum(total, 1))).astype(np.int64) - 6, 0)
    index = np.where(total < 128, total, 64 * exponent + (total >> exponent))
    q = requantise(d * machine.lrn_table[index], 1, v["shift"], v["zero"], v["low"], v["high"])
    return q.reshape(n_blk, lanes, rows * cols).transpose(0, 2, 1)
