"""POST in the ISA engine: accumulators to int8 results in DRAM."""

import numpy as np

from hwcnn.fixedpoint import requantise

from .isa_machine import Machine, Values, unpack_parameters


def post(machine: Machine, v: Values) -> None:
    """Requantise sums, with the second stage (multiplier, constant, residual) where asked for."""
    config, pixels, blocks = machine.config, v["out_rows"] * v["out_cols"], v["n_blk"]
    lanes = config.post_lanes
    group = slice(v["group"] * lanes, (v["group"] + 1) * lanes)
    sums = machine.accumulators[v["acc"] : v["acc"] + blocks * pixels, group]
    words = machine.post_params[(v["slot"] + np.arange(blocks)) % config.param_slots, group]
    bias, mantissa, shift = (field[:, None] for field in unpack_parameters(words))
    biased = sums.reshape(blocks, pixels, lanes).astype(np.int64) + bias
    q = requantise(biased, mantissa, shift, v["zero"], v["low"], v["high"])
    if v["stage2"]:
        q = _second_stage(machine, v, q)
    machine.write_tile(v, q)
    machine.complete("post", "pstore")


def _second_stage(machine: Machine, v: Values, q: np.ndarray) -> np.ndarray:
    """q : int8 [n_blk, pixels, lanes]; the same shape."""
    total = q.astype(np.int64) * v["ma"] + v["c"]
    if v["residual"]:
        residual = machine.memory(
            v["res_addr"],
            (v["out_blk_stride"], v["out_row_stride"], machine.config.lanes, 1),
            (v["n_blk"], v["out_rows"], v["out_cols"], machine.config.post_lanes),
        )
        total = total + residual.reshape(q.shape).astype(np.int64) * v["mb"]
    return requantise(total, 1, v["shift"], v["zero2"], v["low2"], v["high2"])
