"""Depthwise convolution: a kernel row's taps, or some of them, in every cycle, beside the array."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hwcnn import isa
from hwcnn.config import AccelConfig, bits_for
from hwcnn.limits import DW_WORDS
from hwcnn.rtl.layouts import param_port
from hwcnn.rtl.lib.delay import delay
from hwcnn.rtl.lib.fifo import StreamFifo
from hwcnn.rtl.lib.ram import Ram

from .depthwise_reads import DW_FIELDS, WindowReads

#: Bits of a result: `limits.MAX_KERNEL_TAPS` products of two int8 are below 2**20 in size.
DW_SUM_BITS = 21


class Depthwise(wiring.Component):
    """Sums of products over the windows of a padded map, each channel by its own kernel.

    The map goes to a ring of T banks of RAM (T = `config.dw_taps`): column c of a row is in bank c
    mod T, and a row takes `row_words` = ceil(in_cols / T) words of each. So T neighbouring columns
    are read at once wherever they begin, and bank k always feeds multiplier k of each lane: it is
    the weights that are turned. They are in RAM once for each of the turns that occur, in the order
    of their use along a row (for stride s, those of columns 0, s, 2s, ... until the first one comes
    again).

    For each output the kernel's rows follow each other, and the `n_kx` groups of T columns of a
    row: ``kh * n_kx`` cycles. An output row begins when all rows that it needs are in the ring;
    what lies above it may then be overwritten.

    Latency: `LATENCY` cycles from an output's last taps to `o`. Throughput: an input vector a cycle
    while the ring has room, an output in ``kh * n_kx`` cycles, and a cycle more for each row of
    outputs.

    Parameters
    ----------
    config : AccelConfig, with dw_taps of at least 1.

    Members
    -------
    params : `layouts.param_port`; beats of dest 4 fill the weights (see `limits.dw_word_bytes`).
    fields : DW_FIELDS, stable while busy. span : rows of the map that a window covers. line_words :
    words from a kernel row to the next, a multiple of row_words where the kernel is dilated.
    dw_weights : first word of the first block's weights, dw_words : words of a block.
    start : pulse, while not busy. i : stream of L int8 lanes. o : stream of L lanes of 21 bits.
    busy : its last result is not in the buffer behind the sums yet.
    """

    LATENCY = 8
    FIFO = 8

    def __init__(self, config: AccelConfig):
        self.taps, self.lanes, self.depth = config.dw_taps, config.lanes, config.pool_depth
        self.beat_bytes, self.word_bytes = config.axi_bytes, config.dw_word_bytes
        super().__init__(
            {
                "params": In(param_port(config)),
                "fields": In(DW_FIELDS),
                "start": In(1),
                "i": In(stream.Signature(data.ArrayLayout(signed(8), config.lanes))),
                "o": Out(stream.Signature(data.ArrayLayout(signed(DW_SUM_BITS), config.lanes))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Pointers to words of the ring, with two bits more, so that differences have a sign.
        pointer = signed(bits_for(self.depth) + 2)
        needed = Signal(pointer)  # the oldest word that an output still needs
        write_en, write_at, row_done, writing = self._write(m, needed, pointer)
        reads = WindowReads(self, needed, row_done, pointer)
        issue, reading = reads.build(m)
        columns = []
        for k in range(self.taps):
            m.submodules[f"bank{k}"] = bank = Ram(8 * self.lanes, self.depth, block=True)
            m.d.comb += [
                bank.w_en.eq(write_en[k]),
                bank.w_addr.eq(write_at),
                bank.w_data.eq(self.i.payload.as_value()),
                bank.r_en.eq(issue.valid),
                bank.r_addr.eq(issue.address + (issue.turn > k if k < self.taps - 1 else 0)),
            ]
            columns.append(bank.r_data)
        weights = self._weights(m, issue)
        summing = self._sums(m, issue, columns, weights)
        m.d.comb += self.busy.eq(writing | reading | summing)
        return m

    def _write(self, m, needed, pointer):
        """The map into the banks: (enables of the banks, word, a row is complete, more comes).

        Counters go down to -1, and their sign alone decides.
        """
        f = self.fields
        running, not_full = Signal(name="writes"), Signal()
        word, bank = Signal(pointer), Signal(bits_for(self.taps))
        cols, rows, blocks = (
            Signal(signed(18), name=f"in_{n}", reset_less=True) for n in ("cols", "rows", "blocks")
        )
        accept, last_col, last_row, wrap = (
            Signal(name=n) for n in ("accept", "in_last_col", "in_last_row", "wrap")
        )
        used = Signal(pointer)
        m.d.comb += [
            self.i.ready.eq(running & not_full),
            accept.eq(self.i.valid & self.i.ready),
            last_col.eq(cols[-1]),
            last_row.eq(rows[-1]),
            wrap.eq(last_col | (bank == self.taps - 1)),
            used.eq(word - needed),
        ]
        m.d.sync += not_full.eq(used < self.depth - 1)
        with m.If(accept):
            m.d.sync += [
                word.eq(word + wrap),
                bank.eq(Mux(wrap, 0, bank + 1)),
                cols.eq(Mux(last_col, f.in_cols - 2, cols - 1)),
            ]
            with m.If(last_col):
                m.d.sync += rows.eq(Mux(last_row, f.in_rows - 2, rows - 1))
            with m.If(last_col & last_row):
                m.d.sync += [blocks.eq(blocks - 1), running.eq(~blocks[-1])]
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                word.eq(0),
                bank.eq(0),
                cols.eq(f.in_cols - 2),
                rows.eq(f.in_rows - 2),
                blocks.eq(f.n_blk - 2),
            ]
        enables = Cat(accept & (bank == k) for k in range(self.taps))
        return enables, word[: bits_for(self.depth)], accept & last_col, running

    def _weights(self, m, issue):
        """The weights of a cycle, L int8 for each tap. A beat fills some of a word, or all."""
        size = min(self.beat_bytes, self.lanes)  # bytes that are written at a time
        beats = self.word_bytes // self.beat_bytes
        here = self.params.en & (self.params.dest == isa.PARAM_DEPTHWISE)
        word = Signal(range(DW_WORDS))
        m.d.comb += word.eq(self.params.index + (self.params.offset >> exact_log2(beats)))
        weights = []
        for k in range(self.taps):
            pieces = []
            for piece in range(self.lanes // size):
                m.submodules[f"weights{k}_{piece}"] = ram = Ram(8 * size, DW_WORDS, block=True)
                beat, place = divmod(k * self.lanes + piece * size, self.beat_bytes)
                m.d.comb += [
                    ram.w_en.eq(here & (self.params.offset[: exact_log2(beats)] == beat)),
                    ram.w_addr.eq(word),
                    ram.w_data.eq(self.params.data[8 * place : 8 * (place + size)]),
                    ram.r_en.eq(issue.valid),
                    ram.r_addr.eq(issue.weight),
                ]
                pieces.append(ram.r_data)
            weights.append(Cat(pieces))
        return weights

    def _sums(self, m, issue, columns, weights):
        """Products (cycle 3 after the issue), their sums over an output's taps (4), over the banks
        (5), and the buffer for results; returns: some are on their way.
        """
        m.submodules.results = results = StreamFifo(DW_SUM_BITS * self.lanes, self.FIFO)
        last = Signal(5)
        m.d.sync += last.eq(Cat(issue.valid & issue.last, last))
        first = delay(m, issue.first, 3, "first")
        totals = []
        for lane in range(self.lanes):
            sums = []
            for k, (column, weight) in enumerate(zip(columns, weights, strict=True)):
                x, w, product, total = (
                    Signal(signed(bits), name=f"{n}{lane}_{k}", reset_less=True)
                    for n, bits in (("x", 8), ("w", 8), ("product", 16), ("sum", DW_SUM_BITS))
                )
                m.d.sync += [
                    x.eq(column.word_select(lane, 8)),
                    w.eq(weight.word_select(lane, 8)),
                    product.eq(x * w),
                    total.eq(Mux(first, 0, total) + product),
                ]
                sums.append(total)
            total = Signal(signed(DW_SUM_BITS), name=f"total{lane}", reset_less=True)
            m.d.sync += total.eq(sum(sums[1:], sums[0]))
            totals.append(total)
        m.d.comb += [
            results.i.valid.eq(last[4]),
            results.i.payload.eq(Cat(totals)),
            self.o.payload.as_value().eq(results.o.payload),
            self.o.valid.eq(results.o.valid),
            results.o.ready.eq(self.o.ready),
        ]
        return last.any()
