"""Cycles that engines are at work on an operation, were all its operands there."""

from hwcnn import isa, limits
from hwcnn.config import AccelConfig
from hwcnn.tile_ops import TileOp, array_passes

from .traffic import Values, padded_vectors, written_vectors

#: Vectors with a second stage that the post engine takes before they pass a second time.
POST_SECOND = 9
#: Cycles between two VECTORs with a window, besides those between any two.
WINDOW_GAP = 5


def array_cycles(v: Values, config: AccelConfig) -> int:
    """Of an ARRAY: a pass takes as long as loading the next weight tile, at least."""
    return array_passes(v) * max(v["n_y"] * v["n_x"], config.rows)


def array_path(config: AccelConfig) -> int:
    """Cycles from the start of an ARRAY to the end of its sums' way into the accumulators, besides
    those of its pixels.
    """
    return config.rows + config.cols // 4 + 5


def post_cycles(v: Values) -> int:
    """Of a POST's vectors."""
    n = written_vectors(v)
    if not v["stage2"]:
        return n
    groups, rest = divmod(n, POST_SECOND)
    return 2 * POST_SECOND * groups + (POST_SECOND + rest if rest else 0)


def vector_cycles(v: Values, config: AccelConfig) -> int:
    """Of a VECTOR's vectors."""
    vectors, written = padded_vectors(v), written_vectors(v)
    if v["lrn"]:
        return limits.lrn_cycles(config, v["n_blk"], v["n_rows"] * v["n_cols"])
    if v["reduce"] == isa.REDUCE_NONE:
        return max(vectors, written * limits.result_cycles(config))
    if v["reduce"] == isa.REDUCE_DEPTHWISE:
        return limits.depthwise_cycles(v)
    # The last row's results come after it, or the first rows before the first results.
    _, columns = limits.padded_size(v)
    cycles = limits.pool_cycles(config, vectors, written, v["kh"])
    if cycles > vectors:
        return cycles + (v["kh"] - 1) * columns + WINDOW_GAP
    last_row = limits.pool_cycles(config, 0, v["out_cols"], v["kh"])
    return cycles + max(0, last_row - columns) + WINDOW_GAP


def fill_beats(op: TileOp, beats: int) -> int:
    """Of so many beats of an operand, those that the engine uses as they come."""
    if op.queue != "vector" or op.values["reduce"] != isa.REDUCE_DEPTHWISE:
        return 0
    return min(beats, beats * limits.depthwise_fill(op.values) // padded_vectors(op.values))


def operand_cycles(op: TileOp, beats: int, config: AccelConfig) -> int:
    """In which the engine uses an operand of so many beats."""
    if op.queue == "vector":
        return vector_cycles(op.values, config)
    return post_cycles(op.values) if op.queue == "post" else beats
