"""What operations read and write in DRAM."""

from collections.abc import Mapping

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.limits import MAX_BURST, padded_size
from hwcnn.tile_ops import TileOp

#: Fields of an instruction by name.
Values = Mapping[str, int]


def read_vectors(v: Values) -> int:
    """Vectors that a LOAD or VECTOR reads from DRAM for operand A."""
    return v["n_blk"] * v["n_rows"] * v["n_cols"]


def padded_vectors(v: Values) -> int:
    """The same with pads."""
    rows, columns = padded_size(v)
    return v["n_blk"] * rows * columns


def written_vectors(v: Values) -> int:
    """Vectors that a POST or VECTOR writes."""
    return v["n_blk"] * v["out_rows"] * v["out_cols"]


def beats(n_bytes: int, config: AccelConfig) -> int:
    """Beats of the data bus that so many bytes take."""
    return -(-n_bytes // config.axi_bytes)


def operand_bytes(op: TileOp, config: AccelConfig) -> list[int]:
    """Bytes of each operand that an operation reads from DRAM, through a reader of its own."""
    v, lanes = op.values, config.lanes
    if op.queue == "load":
        return [read_vectors(v) * lanes]
    if op.queue == "weight":
        return [v["n_bytes"]]
    if op.queue == "param":
        return [v["n_beats"] * config.axi_bytes]
    if op.queue == "post" and v["residual"]:
        return [written_vectors(v) * lanes]
    if op.queue == "vector":
        second = {isa.B_NONE: 0, isa.B_MAP: read_vectors(v), isa.B_BROADCAST: v["n_blk"]}
        counts = read_vectors(v), second[v["b_mode"]]
        return [vectors * lanes for vectors in counts if vectors]
    return []


def read_bytes(op: TileOp, config: AccelConfig) -> int:
    """Bytes that an operation reads from DRAM."""
    return sum(operand_bytes(op, config))


def write_bytes(op: TileOp, config: AccelConfig) -> int:
    """Bytes that an operation writes to DRAM."""
    if op.queue == "post":
        return written_vectors(op.values) * config.post_lanes
    return written_vectors(op.values) * config.lanes if op.queue == "vector" else 0


def last_burst(v: Values, vector_bytes: int, axi_bytes: int) -> int:
    """Beats of the last burst of a POST's or VECTOR's writes: bursts are cut at multiples of
    `MAX_BURST` beats.
    """
    rows, cols, pixel = v["out_rows"], v["out_cols"], v["out_pix_stride"]
    # of the last row
    begin = (
        v["out_addr"] + (v["n_blk"] - 1) * v["out_blk_stride"] + (rows - 1) * v["out_row_stride"]
    )
    end = begin + (cols - 1) * pixel  # the last vector
    if pixel > max(vector_bytes, axi_bytes):
        begin = end
    elif v["out_row_stride"] == cols * pixel:
        begin -= (rows - 1) * v["out_row_stride"]
    beat = (end + vector_bytes - 1) // axi_bytes
    return min(beat % MAX_BURST, beat - begin // axi_bytes) + 1


def read_burst(op: TileOp, config: AccelConfig) -> float:
    """Beats of a burst of an operand, on average: bursts are cut at the ends of rows and at
    multiples of `MAX_BURST` beats.
    """
    if op.queue == "param":
        return MAX_BURST
    columns = op.values["out_cols" if op.queue == "post" else "n_cols"]
    row = beats(columns * config.lanes, config)
    return row / (1 + (row - 1) / MAX_BURST)
