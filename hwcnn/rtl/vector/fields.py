"""What the parts of the vector engine know of the instruction that runs."""

from dataclasses import dataclass

from amaranth import Const, Signal, Value
from amaranth.lib import data

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.layouts import instruction_layout

VECTOR_LAYOUT = instruction_layout(isa.VECTOR)
#: Fields of the running instruction: all that is not an address, with the sizes of the padded
#: input, and what A goes through.
RUN_LAYOUT = data.StructLayout(
    {
        n: VECTOR_LAYOUT[n].shape
        for n in (
            *("n_cols", "kh", "kw", "sh", "sw"),
            *("n_kx", "span", "row_words", "line_words", "dw_weights", "dw_words"),
            *("b_mode", "per_channel", "slot", "lrn", "lrn_half"),
            *("lut", "ca", "cb", "ma", "mb", "alu", "c", "shift", "zero", "low", "high"),
            *("n_blk", "out_rows", "out_cols"),
        )
    }
    | {"in_rows": 17, "in_cols": 17, "plain": 1, "windowed": 1, "is_max": 1, "depthwise": 1}
)


@dataclass(frozen=True)
class Issue:
    """How `core.VectorCore` issues vectors; its parts read and drive these signals.

    run : `RUN_LAYOUT`, of the running instruction. begin : it begins. block_ends : the vector is
    the last of its block. ready : a vector's lower half is issued if A is there; issue : it is;
    upper : its upper half is.
    """

    run: data.View
    begin: Signal
    block_ends: Signal
    ready: Signal
    issue: Signal
    upper: Signal


def flag(config: AccelConfig, fields: data.View, name: str) -> Value:
    """A flag of the instruction, 0 where the configuration leaves its function out."""
    feature = {
        "per_channel": "affine",
        "lrn": "lrn",
        "lut": "lut",
        "reduce": "pool",
        "b_mode": "eltwise",
    }[name]
    for_depthwise = config.dw_taps and name in ("per_channel", "reduce")
    there = feature in config.features or for_depthwise
    return fields[name] if there else Const(0, VECTOR_LAYOUT[name].shape)
