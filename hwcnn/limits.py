"""What one VECTOR instruction can do, what it takes, and other facts of the hardware that the
compiler and the cycle model read.
"""

from collections.abc import Mapping

from . import isa
from .config import AccelConfig

#: Images in one run at most (each but in fully connected layers takes instructions of its own, so
#: that more only make the program longer), and bytes of DRAM, as far as addresses of 32 bits reach.
MAX_BATCH, MAX_DRAM = 256, 1 << 32
#: Of what seeds random numbers, in Python and in the simulator's C++.
MAX_SEED = (1 << 32) - 1
#: Output columns whose windows may be open at a time in the row stage of the pooling window unit.
OPEN_WINDOWS = 4
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


def padded_size(values: Mapping[str, int]) -> tuple[int, int]:
    """(rows, columns) that a LOAD or VECTOR reads, pads among them; values : its fields."""
    return (
        values["pad_top"] + values["n_rows"] + values["pad_bottom"],
        values["pad_left"] + values["n_cols"] + values["pad_right"],
    )


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
    if is_sum and kh * kw > max_sum_taps(config):
        return f"an average over {kh}x{kw} taps: at most {max_sum_taps(config)}"
    if out_cols > max_pool_cols(config, kh, sh):
        return (
            f"{out_cols} output columns of a {kh}x{kw} window with row stride {sh}: at most "
            f"{max_pool_cols(config, kh, sh)}"
        )
    return None


def max_sum_taps(config: AccelConfig) -> int:
    """Taps of a sum window: so many int8, less a zero point each, fit the ALU's operand A."""
    return 1 << config.vector_sum_bits - 9


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


#: Words of weights that the depthwise unit holds, its largest column stride, and its most taps of a
#: kernel: sums of so many products of two int8 are below 2**20 in size.
DW_WORDS, MAX_DW_STRIDE, MAX_KERNEL_TAPS = 512, 3, 63


class DepthwiseShape:
    """What the depthwise unit makes of a kernel.

    rows, cols : of the map that a window covers, dilation included. groups : of `dw_taps` columns
    that are read at once. turns : by how much the banks are turned for the outputs of a row, until
    they come again. block_words : words of weights of a channel block.
    """

    def __init__(
        self,
        config: AccelConfig,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        dilation: tuple[int, int] = (1, 1),
    ):
        self.taps, self.stride = config.dw_taps, stride
        self.rows, self.cols = ((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
        self.groups = -(-self.cols // self.taps)
        self.turns = [0]
        while (turn := (self.turns[-1] + stride[1]) % self.taps) != 0:
            self.turns.append(turn)
        self.block_words = len(self.turns) * kernel[0] * self.groups

    def widest(self, depth: int) -> int:
        """Columns of results that an instruction may have, 0 if none: the ring holds the rows of a
        window, and those of the next one too where they are few.
        """
        for rows in (self.rows + self.stride[0], self.rows):
            columns = (depth - 1) // rows * self.taps
            if columns >= self.cols + 16 * self.stride[1] or rows == self.rows:
                return max(0, (columns - self.cols) // self.stride[1] + 1)
        return 0


def depthwise_reason(
    config: AccelConfig,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    pads: tuple[int, int, int, int],
) -> str | None:
    """Why the depthwise unit cannot do such a convolution, or None where it can."""
    if not config.dw_taps:
        return "the configuration has no depthwise unit"
    shape = DepthwiseShape(config, kernel, stride, dilation)
    if kernel[0] * kernel[1] > MAX_KERNEL_TAPS:
        return f"a {kernel[0]}x{kernel[1]} kernel: at most {MAX_KERNEL_TAPS} taps"
    if stride[0] > 255 or stride[1] > MAX_DW_STRIDE:
        return f"a stride of {stride[0]}x{stride[1]}: at most 255x{MAX_DW_STRIDE}"
    if min(pads[:2]) < 0 or max(pads) > 255 or shape.rows > 255:
        return f"pads of {pads}, or a window over {shape.rows} rows: from 0 to 255"
    if shape.block_words > DW_WORDS or not shape.widest(config.pool_depth):
        return f"a {kernel[0]}x{kernel[1]} kernel: its weights or its rows do not fit"
    if max(pads[1], pads[3]) >= max(shape.widest(config.pool_depth) // 2, shape.cols):
        return f"{max(pads[1], pads[3])} columns of padding: an instruction may see nothing else"
    return None


def depthwise_fill(values: Mapping[str, int]) -> int:
    """Vectors that a depthwise VECTOR reads, pads among them, before its first result."""
    return values["span"] * padded_size(values)[1]


def depthwise_rows(values: Mapping[str, int], rows: int) -> int:
    """Cycles of so many rows of its results, were the map there."""
    return rows * (values["out_cols"] * max(2, values["kh"] * values["n_kx"]) + 1)


def depthwise_cycles(values: Mapping[str, int]) -> int:
    """Cycles of a depthwise VECTOR at full rate, without latency; values : its fields.

    A vector is read a cycle, an output takes ``kh * n_kx``, at least the ALU's two; a row of
    outputs begins when its window's rows are there.
    """
    height, width = padded_size(values)
    vectors, rows = values["n_blk"] * height * width, values["n_blk"] * values["out_rows"]
    return max(
        vectors + depthwise_rows(values, 1), depthwise_fill(values) + depthwise_rows(values, rows)
    )
