"""What one VECTOR instruction can do, what it takes, and other facts of the hardware that the
compiler and the cycle model read.
"""

from . import isa
from .config import AccelConfig

#: Images in one run at most (each but in fully connected layers takes instructions of its own, so
#: that more only make the program longer), and bytes of DRAM, as far as addresses of 32 bits reach.
MAX_BATCH, MAX_DRAM = 256, 1 << 32
#: Of what seeds random numbers, in Python and in the simulator's C++.
MAX_SEED = (1 << 32) - 1
#: Output columns whose windows may be open at a time in the row stage of the pooling window unit.
OPEN_WINDOWS = 4
#: Taps of a sum window: sums of int8, less the zero point a tap, then fit the 18-bit operand of the
#: ALU.
MAX_SUM_TAPS = 512
#: Beats of weights that are always prefetched with all speed; beyond, other readers go first.
EAGER_WEIGHTS = 128
#: Beats of the longest burst. Bursts are cut at multiples of so many beats, which keeps them within
#: 4 KiB.
MAX_BURST = 16
#: DRAM that the cycle model assumes and the simulator has by default: cycles from a read address to
#: its first beat, and from a burst's last write beat to its response.
READ_LATENCY, WRITE_LATENCY = 32, 8


def weight_prefetch(config: AccelConfig) -> int:
    """Bytes of weights that are surely requested ahead of their use, however short the instructions
    that ask for them.

    A burst is requested while the FIFO has room for the longest one, so behind short ones up to
    ``MAX_BURST - 1`` beats stay free.
    """
    return (config.weight_fifo - MAX_BURST + 1) * config.axi_bytes


def waiting_weights(config: AccelConfig) -> int:
    """WEIGHT instructions that leave the dispatcher though what they ask for has no room: one in
    the engine, others in its queue.
    """
    return 1 + config.queue_words // isa.WEIGHT.words


def pool_reason(
    config: AccelConfig,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    out_cols: int,
    is_sum: bool,
) -> str | None:
    """Why the window unit cannot reduce such a window, or None where it can.

    kernel, stride : (rows, columns). out_cols : columns of one instruction's output. A window may
    overlap the next ``OPEN_WINDOWS - 1``: ``kw <= 3*sw + 1``, or there are so few columns in all (a
    global pool).
    """
    (kh, kw), (sh, sw) = kernel, stride
    if not all(1 <= v <= 255 for v in (kh, kw, sh, sw)):
        return f"a {kh}x{kw} window with stride {sh}x{sw}: windows and strides are from 1 to 255"
    if kw > (OPEN_WINDOWS - 1) * sw + 1 and out_cols >= OPEN_WINDOWS:
        widest = (OPEN_WINDOWS - 1) * sw + 1
        return (
            f"a {kh}x{kw} window with stride {sh}x{sw}: at stride {sw} it is at most {widest} wide"
        )
    if is_sum and kh * kw > MAX_SUM_TAPS:
        return f"an average over {kh}x{kw} taps: at most {MAX_SUM_TAPS}"
    if out_cols > max_pool_cols(config, kh, sh):
        return (
            f"{out_cols} output columns of a {kh}x{kw} window with row stride {sh}: at most "
            f"{max_pool_cols(config, kh, sh)}"
        )
    return None


def max_pool_cols(config: AccelConfig, kh: int, sh: int) -> int:
    """Output columns that one instruction may have: the window buffer holds kh + sh rows of them,
    ``pool_depth`` in all.
    """
    return config.pool_depth // (kh + sh)


def pool_cycles(config: AccelConfig, in_vectors: int, out_vectors: int, kh: int) -> int:
    """Cycles of a pooling instruction at full rate, without latency.

    in_vectors : padded vectors read, one a cycle. out_vectors : results, in parallel with the
    reading; each takes kh cycles, and waits in the window until the ALU has taken all of it.
    """
    return max(in_vectors, (kh + result_cycles(config) - 1) * out_vectors)


def result_cycles(config: AccelConfig) -> int:
    """Cycles that a result of VECTOR takes in the ALU, at least."""
    return config.lanes // config.alu_lanes


def lrn_pixels(config: AccelConfig) -> int:
    """Pixels of one LRN instruction (one row, all channel blocks)."""
    return config.pool_depth


def lrn_lookups(config: AccelConfig) -> int:
    """Lanes that local response normalisation handles in a cycle."""
    return max(1, config.lanes // 8)


def lrn_steps(config: AccelConfig) -> int:
    """Cycles of a vector in local response normalisation."""
    return config.lanes // lrn_lookups(config)


def lrn_fill_steps(config: AccelConfig) -> int:
    """Cycles of a vector of the first block on its first pass, which gives no result."""
    return 2 // min(2, lrn_lookups(config))


#: Cycles between channel blocks of an LRN instruction.
LRN_BLOCK_CYCLES = 2


def lrn_cycles(config: AccelConfig, n_blk: int, n_pixels: int) -> int:
    """Cycles of an LRN instruction at full rate, without latency: every block's vectors, and the
    first block's twice.
    """
    per_pixel = n_blk * lrn_steps(config) + lrn_fill_steps(config)
    return n_pixels * per_pixel + n_blk * LRN_BLOCK_CYCLES
