"""The pooling window: reduces a row's windows as they pass, then reads kh of the results for each
output.
"""

from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.lib.ram import Ram

from .window_columns import ColumnStage
from .window_rows import ROW_BITS, RowStage

WINDOW_FIELDS = data.StructLayout(
    {
        "is_max": 1,
        "kh": 8,
        "kw": 8,
        "sh": 8,
        "sw": 8,
        "in_rows": 17,
        "in_cols": 17,
        "n_blk": 16,
        "out_rows": 16,
        "out_cols": 16,
    }
)


class Window(wiring.Component):
    """Max or sum over kh x kw windows of a stream of vectors in the order block, row, column.

    Rows and columns beyond the last window are consumed and dropped. Two stages that work in
    parallel, across rows and blocks: the row stage reduces kw columns and writes the results to a
    ring of `pool_depth` entries, the column stage reads kh entries for each output.

    Latency: from the last input of a window to its output, `LATENCY` cycles. Throughput: one input
    vector a cycle while the column stage keeps up, which takes kh + 1 cycles an output. Limits:
    ``limits.pool_reason``.

    Maxima are kept inverted with an offset of 128 on the way, so that a comparison is the same
    addition as a sum.

    Members
    -------
    fields : WINDOW_FIELDS, stable while busy. in_rows, in_cols: padded input. start : pulse, while
    not busy.
    i : stream of L int8 lanes. o : stream of L lanes of `config.vector_sum_bits`: the sum, or 128 +
    the maximum; the payload stays for one cycle more after it is taken. busy : its last result is
    not at `o` yet.
    """

    LATENCY = 6

    def __init__(self, config: AccelConfig) -> None:
        self.lanes, self.depth = config.lanes, config.pool_depth
        self.sum_bits = config.vector_sum_bits
        super().__init__(
            {
                "fields": In(WINDOW_FIELDS),
                "start": In(1),
                "i": In(stream.Signature(data.ArrayLayout(signed(8), config.lanes))),
                "o": Out(
                    stream.Signature(data.ArrayLayout(signed(config.vector_sum_bits), config.lanes))
                ),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ring = ring = Ram(ROW_BITS * self.lanes, self.depth)
        # Pointers into the ring with two bits more, so that differences have a sign.
        pointer = signed(bits_for(self.depth) + 2)
        written = Signal(pointer)
        needed = Signal(pointer)  # the oldest entry that an output still needs
        rows = RowStage(self.fields, self.start, self.i, self.lanes, self.depth, pointer)
        columns = ColumnStage(
            self.fields, self.start, self.o, self.lanes, self.depth, pointer, self.sum_bits
        )
        rows.build(m, ring, written, needed)
        columns.build(m, ring, written, needed)
        m.d.comb += self.busy.eq(rows.running | columns.busy)
        return m
