"""The vector engine on streams: one instruction at a time, half a vector a cycle."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.layouts import READ_LAYOUT, WRITE_LAYOUT, param_port, wire_params
from hwcnn.rtl.lib.fifo import StreamFifo

from .alu import ALU_FIELDS, Alu
from .coefficients import Coefficients
from .descriptors import hand_on
from .fields import RUN_LAYOUT, VECTOR_LAYOUT, Issue, flag
from .operands import operand_a, operand_b
from .table import ActivationTable


class VectorCore(wiring.Component):
    """Executes VECTOR on streams: one instruction at a time, one result in two cycles at most.

    The descriptors of the next instruction are handed on while one runs, so that its operands are
    fetched early. It begins when all results of the present one are on their way through the ALU:
    `GAP` cycles after the last half was issued, 2 + 8*L/axi_bytes more with `per_channel`. A vector
    is issued in two halves, the lower lanes first: all but its operands' being there is decided in
    the cycle before, and loops are stepped in the cycle after. Latency: `LATENCY` from the issue of
    its upper half to `o`. Rates: `limits.pool_cycles`, `limits.lrn_cycles`, otherwise one vector a
    cycle, but no faster than a result in `limits.result_cycles`.

    Parameters
    ----------
    config : AccelConfig. What ``config.features`` leaves out is not built, and its fields are
    ignored.

    Members
    -------
    i : stream of VECTOR. params : `layouts.param_port`.
    read_a, read_b, write : streams of descriptors (READ_LAYOUT, WRITE_LAYOUT), that of B a cycle
    after A's at the earliest.
    a, b, o : their streams of vectors. B has A's size, where A has no pads, or is one vector a
    block.
    busy : an instruction ran in the cycle before.
    """

    FIFO = 32
    GAP = 3
    LATENCY = Alu.latency() + ActivationTable.LATENCY + 2

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        vectors = stream.Signature(8 * config.lanes)
        super().__init__(
            {
                "i": In(stream.Signature(VECTOR_LAYOUT)),
                "params": In(param_port(config)),
                "read_a": Out(stream.Signature(READ_LAYOUT)),
                "read_b": Out(stream.Signature(READ_LAYOUT)),
                "write": Out(stream.Signature(WRITE_LAYOUT)),
                "a": In(vectors),
                "b": In(vectors),
                "o": Out(vectors),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        features = self.config.features
        self.run = run = Signal(RUN_LAYOUT, reset_less=True)
        self.begin, self.take, self.block_ends = Signal(), Signal(), Signal()
        # A vector's lower half is issued if A is there; is issued; its upper half is.
        self.ready, self.issue, self.upper = Signal(), Signal(), Signal()
        at = Issue(run, self.begin, self.block_ends, self.ready, self.issue, self.upper)
        m.submodules.coefficients = coefficients = Coefficients(self.config)
        m.submodules.alu = alu = Alu(
            self.config.alu_lanes,
            "eltwise" in features,
            self.config.vector_sum_bits,
            self.config.vector_constant_bits,
        )
        wire_params(m, self.params, coefficients)

        # Places for results; there is one, and was one more before the last was taken.
        credits, has_credit = Signal(range(self.FIFO + 1), init=self.FIFO), Signal()
        can_issue = Signal()  # issue a vector, as far as the operands are there
        there, reserve, idle = operand_a(
            m, self.config, at, self.a, self.params, alu, coefficients, has_credit
        )
        b_there = operand_b(m, self.config, at, self.b, alu)
        running, runs_on, ends, opens, first, next_first = self._count(m, coefficients)
        table_ready = self._results(m, alu)
        m.d.sync += [
            credits.eq(credits - reserve + (self.o.valid & self.o.ready)),
            has_credit.eq(credits > 1),
            self.upper.eq(self.issue),
            can_issue.eq(
                ~self.issue
                & runs_on
                & (run.lrn | (has_credit & (coefficients.ready | ~next_first)))
            ),
            self.take.eq(
                self.i.valid
                & hand_on(m, self, self.take)
                & (~running | (self.issue & ends))
                & ~self.take
                & ~self.begin
                & idle
                & ~alu.loading
                & table_ready
            ),
        ]
        m.d.comb += [
            self.ready.eq(can_issue & b_there),
            self.issue.eq(self.ready & there),
            self.i.ready.eq(self.take),
        ]
        m.d.sync += self.busy.eq(running | self.begin | ~idle)
        self._take(m)
        self._feed(m, alu, coefficients, opens, first)
        return m

    def _feed(
        self, m: Module, alu: Alu, coefficients: Coefficients, opens: Value, first: Value
    ) -> None:
        """What the ALU and its coefficients take of the running instruction."""
        run = self.run
        m.d.comb += [alu.fields[n].eq(run[n]) for n in ALU_FIELDS.members if n != "use_b"]
        m.d.comb += [
            alu.fields.use_b.eq(run.b_mode != isa.B_NONE),
            alu.i.valid.eq(self.issue | self.upper),
            alu.i.start.eq(self.issue & opens),
            alu.i.tag.eq(Cat(self.upper, ~run.lut)),
            alu.mantissa.eq(coefficients.mantissa),
            alu.bias.eq(coefficients.bias),
            alu.shift.eq(coefficients.shift),
            coefficients.per_channel.eq(run.per_channel),
            coefficients.use_factors.eq(run.lrn),
            coefficients.slot.eq(run.slot),
            coefficients.shared.bias.eq(run.c),
            coefficients.shared.mantissa.eq(run.ma),
            coefficients.shared.shift.eq(run.shift),
            coefficients.begin.eq(self.begin),
            coefficients.started.eq(self.upper & first),
            coefficients.upper.eq(self.upper),
        ]

    def _take(self, m: Module) -> None:
        """The instruction begins to run."""
        run, new = self.run, self.i.payload
        lrn, reduce = flag(self.config, new, "lrn"), flag(self.config, new, "reduce")
        windowed = depthwise = Const(0, 1)
        if "pool" in self.config.features:
            windowed = ~lrn & ((reduce == isa.REDUCE_MAX) | (reduce == isa.REDUCE_SUM))
        if self.config.dw_taps:
            depthwise = ~lrn & (reduce == isa.REDUCE_DEPTHWISE)
        m.d.sync += self.begin.eq(self.take)
        with m.If(self.take):
            m.d.sync += [
                run[n].eq(new[n]) for n in RUN_LAYOUT.members if n in VECTOR_LAYOUT.members
            ]
            m.d.sync += [
                run.lrn.eq(lrn),
                run.lut.eq(flag(self.config, new, "lut")),
                run.plain.eq(~lrn & ~windowed & ~depthwise),
                run.windowed.eq(windowed),
                run.depthwise.eq(depthwise),
                run.is_max.eq(reduce == isa.REDUCE_MAX),
                run.alu.eq(Mux(lrn, isa.ALU_ADD, new.alu)),
                run.b_mode.eq(Mux(lrn, isa.B_NONE, flag(self.config, new, "b_mode"))),
                run.per_channel.eq(flag(self.config, new, "per_channel") & ~lrn),
                # Maxima come with an offset of 128.
                run.ca.eq(new.ca - Mux(~lrn & (reduce == isa.REDUCE_MAX), 128, 0)),
                run.in_rows.eq(new.pad_top + new.n_rows + new.pad_bottom),
                run.in_cols.eq(new.pad_left + new.n_cols + new.pad_right),
            ]

    def _count(self, m: Module, coefficients: Coefficients) -> tuple[Value, ...]:
        """The loops over results, which step with a vector's upper half.

        Returns (an instruction runs, and will in the next cycle; the vector is its last; the next
        vector is its first, takes new coefficients, will take such in the next cycle).
        """
        run, lrn = self.run, self.run.lrn
        running, opens, fresh, runs_on, next_fresh = (
            Signal(),
            Signal(),
            Signal(),
            Signal(),
            Signal(),
        )
        left = {
            n: Signal(16, name=f"left_{n}", reset_less=True)
            for n in ("out_cols", "out_rows", "n_blk")
        }
        ends = [Signal(name=f"ends_{n}") for n in left]  # the count is 1
        m.d.comb += [
            self.block_ends.eq(ends[0] & ends[1]),
            coefficients.more.eq(~ends[2]),
            runs_on.eq(running & ~(self.upper & Cat(ends).all())),
            next_fresh.eq(Mux(self.upper, self.block_ends & run.per_channel, fresh)),
        ]
        m.d.sync += [running.eq(runs_on | self.begin), fresh.eq(next_fresh | self.begin)]
        with m.If(self.begin):
            m.d.sync += opens.eq(1)
        with m.If(self.upper):
            m.d.sync += opens.eq(0)
        for k, (n, count) in enumerate(left.items()):
            with m.If(self.begin | (self.upper & Cat(ends[:k]).all())):
                anew = self.begin | ends[k]
                m.d.sync += [
                    count.eq(Mux(anew, run[n], count - 1)),
                    ends[k].eq(Mux(anew, run[n] == 1, count == 2)),
                ]
        return running, runs_on, Cat(ends).all(), opens, fresh | lrn, next_fresh

    def _results(self, m: Module, alu: Alu) -> Value:
        """From the ALU through the table to `o`; returns: the table is ready for the next
        instruction.
        """
        m.submodules.fifo = fifo = StreamFifo(8 * self.config.lanes, self.FIFO, block=True)
        connect(m, fifo.o, flipped(self.o))
        if "lut" not in self.config.features:
            lower = Signal.like(alu.o.vector.as_value(), reset_less=True)
            m.d.sync += lower.eq(alu.o.vector)
            m.d.comb += [
                fifo.i.valid.eq(alu.o.valid & alu.o.tag[0]),
                fifo.i.payload.eq(Cat(lower, alu.o.vector)),
            ]
            return Const(1, 1)
        m.submodules.table = table = ActivationTable(self.config)
        wire_params(m, self.params, table)
        m.d.comb += [
            table.i.valid.eq(alu.o.valid),
            table.i.upper.eq(alu.o.tag[0]),
            table.i.vector.eq(alu.o.vector),
            table.bypass.eq(alu.o.tag[1]),
            fifo.i.valid.eq(table.o.valid),
            fifo.i.payload.eq(table.o.vector),
        ]
        return ~table.starting & ~(self.i.payload.lut & table.filling)
