"""The vector engine: pooling, element-wise operations, per-channel affine, LRN and tables, from
DRAM to DRAM.
"""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwcnn import isa
from hwcnn.rtl.bus.reader import VectorReader
from hwcnn.rtl.bus.writer import Writer
from hwcnn.rtl.layouts import (
    READ_LAYOUT,
    WRITE_LAYOUT,
    instruction_layout,
    param_port,
    read_port,
    write_port,
)
from hwcnn.rtl.lib.delay import output_register
from hwcnn.rtl.lib.fifo import StreamFifo

from .alu import ALU_FIELDS, Alu
from .coefficients import Coefficients
from .lrn import LrnFactors
from .table import ActivationTable
from .window import WINDOW_FIELDS, Window
from .window_columns import SUM_BITS

VECTOR_LAYOUT = instruction_layout(isa.VECTOR)
#: Fields of the running instruction: all that is not an address, with the sizes of the padded
#: input, and what A goes through.
RUN_LAYOUT = data.StructLayout(
    {
        n: VECTOR_LAYOUT[n].shape
        for n in (
            "n_cols",
            "kh",
            "kw",
            "sh",
            "sw",
            "b_mode",
            "per_channel",
            "slot",
            "lrn",
            "lrn_half",
            "lut",
            "ca",
            "cb",
            "ma",
            "mb",
            "alu",
            "c",
            "shift",
            "zero",
            "low",
            "high",
            "n_blk",
            "out_rows",
            "out_cols",
        )
    }
    | {"in_rows": 17, "in_cols": 17, "plain": 1, "windowed": 1, "is_max": 1}
)


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

    def __init__(self, config):
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

    def elaborate(self, platform):
        m = Module()
        features = self.config.features
        self.run = run = Signal(RUN_LAYOUT, reset_less=True)
        self.begin, self.take, self.block_ends = Signal(), Signal(), Signal()
        # A vector's lower half is issued if A is there; is issued; its upper half is.
        self.ready, self.issue, self.upper = Signal(), Signal(), Signal()
        m.submodules.coefficients = coefficients = Coefficients(self.config)
        m.submodules.alu = alu = Alu(self.config.alu_lanes, "eltwise" in features)
        self._params(m, coefficients)

        # Places for results; there is one, and was one more before the last was taken.
        places, room = Signal(range(self.FIFO + 1), init=self.FIFO), Signal()
        may = Signal()  # issue a vector, as far as the operands are there
        there, reserve, idle = self._operand_a(m, alu, coefficients, room)
        b_there = self._operand_b(m, alu)
        running, runs_on, ends, opens, first, next_first = self._count(m, coefficients)
        table_ready = self._results(m, alu)
        m.d.sync += [
            places.eq(places - reserve + (self.o.valid & self.o.ready)),
            room.eq(places > 1),
            self.upper.eq(self.issue),
            may.eq(~self.issue & runs_on & (run.lrn | (room & (coefficients.ready | ~next_first)))),
            self.take.eq(
                self.i.valid
                & self._descriptors(m)
                & (~running | (self.issue & ends))
                & ~self.take
                & ~self.begin
                & idle
                & ~alu.loading
                & table_ready
            ),
        ]
        m.d.comb += [
            self.ready.eq(may & b_there),
            self.issue.eq(self.ready & there),
            self.i.ready.eq(self.take),
        ]
        m.d.sync += self.busy.eq(running | self.begin | ~idle)
        self._take(m)
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
        return m

    def _params(self, m, block):
        m.d.comb += [
            getattr(block.params, n).eq(getattr(self.params, n))
            for n in self.params.signature.members
        ]

    def _descriptors(self, m):
        """Hands the instruction's descriptors on, those of its operands ahead of time; returns:
        room for that of the writer.
        """
        new, sent, write = self.i.payload, [], output_register(m, self.write.payload)
        # The instruction is there for the second cycle at least, and what it wants of B is decoded.
        decoded, with_b, broadcast = Signal(), Signal(), Signal()
        m.d.sync += [
            decoded.eq(self.i.valid & ~self.take),
            broadcast.eq(new.b_mode == isa.B_BROADCAST),
            with_b.eq((self._on(new, "b_mode") != isa.B_NONE) & ~self._on(new, "lrn")),
        ]
        for descriptor, wanted in ((self.read_a, self.i.valid), (self.read_b, decoded & with_b)):
            gone = Signal(name=f"sent{len(sent)}")
            m.d.comb += descriptor.valid.eq(wanted & ~gone)
            with m.If(descriptor.valid & descriptor.ready):
                m.d.sync += gone.eq(1)
            with m.If(self.take):
                m.d.sync += gone.eq(0)
            sent.append(gone)
        with m.If(self.take):
            m.d.sync += [
                self.write.valid.eq(1),
                *(write[n].eq(new[n]) for n in WRITE_LAYOUT.members),
            ]
        with m.Elif(self.write.ready):
            m.d.sync += self.write.valid.eq(0)
        m.d.comb += [self.read_a.payload[n].eq(new[n]) for n in READ_LAYOUT.members]
        b = self.read_b.payload
        m.d.comb += [b[n].eq(new[n]) for n in READ_LAYOUT.members]
        m.d.comb += [b.addr.eq(new.b_addr), b.blk_stride.eq(new.b_blk_stride)]
        with m.If(broadcast):
            m.d.comb += [b.n_rows.eq(1), b.n_cols.eq(1)]
        return decoded & sent[0] & (sent[1] | ~with_b) & ~self.write.valid

    def _on(self, fields, name):
        """A flag of the instruction, 0 where the configuration leaves its function out."""
        feature = {
            "per_channel": "affine",
            "lrn": "lrn",
            "lut": "lut",
            "reduce": "pool",
            "b_mode": "eltwise",
        }[name]
        return (
            fields[name] if feature in self.config.features else Const(0, VECTOR_LAYOUT[name].shape)
        )

    def _take(self, m):
        """The instruction begins to run."""
        run, new = self.run, self.i.payload
        lrn, reduce = self._on(new, "lrn"), self._on(new, "reduce")
        m.d.sync += self.begin.eq(self.take)
        with m.If(self.take):
            m.d.sync += [
                run[n].eq(new[n]) for n in RUN_LAYOUT.members if n in VECTOR_LAYOUT.members
            ]
            m.d.sync += [
                run.lrn.eq(lrn),
                run.lut.eq(self._on(new, "lut")),
                run.plain.eq(~lrn & (reduce == isa.REDUCE_NONE)),
                run.windowed.eq(~lrn & (reduce != isa.REDUCE_NONE)),
                run.is_max.eq(reduce == isa.REDUCE_MAX),
                run.alu.eq(Mux(lrn, isa.ALU_ADD, new.alu)),
                run.b_mode.eq(Mux(lrn, isa.B_NONE, self._on(new, "b_mode"))),
                run.per_channel.eq(self._on(new, "per_channel") & ~lrn),
                # Maxima come with an offset of 128.
                run.ca.eq(new.ca - Mux(~lrn & (reduce == isa.REDUCE_MAX), 128, 0)),
                run.in_rows.eq(new.pad_top + new.n_rows + new.pad_bottom),
                run.in_cols.eq(new.pad_left + new.n_cols + new.pad_right),
            ]

    def _operand_a(self, m, alu, coefficients, room):
        """Operand A, from the window, LRN or as it is: (it is there, a result's place is taken, no
        unit is at work).
        """
        run, features, lanes = self.run, self.config.features, self.config.alu_lanes
        x = [self._half(self.a.payload, k, run.plain).as_signed() for k in range(lanes)]
        taken = Signal()  # of a plain A, with the upper half
        m.d.sync += taken.eq(self.issue & run.plain)
        there, ready, reserve, idle = run.plain & self.a.valid, taken, self.upper, Const(1, 1)
        if "lrn" in features:
            m.submodules.lrn = lrn = LrnFactors(self.config)
            self._params(m, lrn)
            connect(m, lrn.factors, coefficients.factors)
            m.d.comb += [
                lrn.n_blk.eq(run.n_blk),
                lrn.n_pixels.eq(run.n_cols),
                lrn.ca.eq(run.ca),
                lrn.half.eq(run.lrn_half),
                lrn.start.eq(self.begin & run.lrn),
                lrn.room.eq(room),
                lrn.i.payload.eq(self.a.payload),
                lrn.i.valid.eq(self.a.valid),
            ]
            # Its halves come late, from a RAM, so they are merged last.
            wanted = run.lrn.replicate(8)
            x = [
                value | (lrn.o.vector.word_select(k, 8) & wanted).as_signed()
                for k, value in enumerate(x)
            ]
            there, ready, idle = there | lrn.o.valid, ready | lrn.i.ready, ~lrn.busy
            reserve = Mux(run.lrn, lrn.reserve, reserve)
        if "pool" in features:
            m.submodules.window = window = Window(self.config)
            m.d.comb += [window.fields[n].eq(run[n]) for n in WINDOW_FIELDS.members]
            m.d.comb += [
                window.start.eq(self.begin & run.windowed),
                window.i.valid.eq(self.a.valid),
                window.i.payload.eq(self.a.payload),
                window.o.ready.eq(self.ready),
            ]
            reduced, windowed = window.o.payload, run.windowed.replicate(SUM_BITS).as_signed()
            x = [
                value | (Mux(self.upper, reduced[k + lanes], reduced[k]) & windowed)
                for k, value in enumerate(x)
            ]
            there, ready, idle = there | window.o.valid, ready | window.i.ready, idle & ~window.busy
        m.d.comb += self.a.ready.eq(ready)
        m.d.comb += [alu.i.x[k].eq(value) for k, value in enumerate(x)]
        return there, reserve, idle

    def _half(self, vector, k, wanted=1):
        """Byte k of the half of a vector that is issued, 0 unless `wanted`."""
        return Mux(
            wanted,
            Mux(
                self.upper,
                vector.word_select(k + self.config.alu_lanes, 8),
                vector.word_select(k, 8),
            ),
            0,
        )

    def _operand_b(self, m, alu):
        """Operand B: a vector for each of A's, or one for each block; returns: it is there."""
        if "eltwise" not in self.config.features:
            return Const(1, 1)
        mode, taken = self.run.b_mode, Signal()  # with the upper half
        m.d.sync += taken.eq(
            self.issue & ((mode == isa.B_MAP) | ((mode == isa.B_BROADCAST) & self.block_ends))
        )
        m.d.comb += [
            *(alu.i.b[k].eq(self._half(self.b.payload, k)) for k in range(self.config.alu_lanes)),
            self.b.ready.eq(taken),
        ]
        return (mode == isa.B_NONE) | self.b.valid

    def _count(self, m, coefficients):
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

    def _results(self, m, alu):
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
        self._params(m, table)
        m.d.comb += [
            table.i.valid.eq(alu.o.valid),
            table.i.upper.eq(alu.o.tag[0]),
            table.i.vector.eq(alu.o.vector),
            table.bypass.eq(alu.o.tag[1]),
            fifo.i.valid.eq(table.o.valid),
            fifo.i.payload.eq(table.o.vector),
        ]
        return ~table.starting & ~(self.i.payload.lut & table.filling)


class VectorEngine(wiring.Component):
    """Executes VECTOR, from DRAM to DRAM; see `VectorCore`.

    Members
    -------
    i : stream of VECTOR. params : beats for dest 1 (channel parameters), 2 (LRN table), 3
    (activation table).
    a, b : clients of the read multiplexer. write : client of the write multiplexer.
    done : pulses when memory has acknowledged an instruction's last write. busy : an instruction
    runs.
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(VECTOR_LAYOUT)),
                "params": In(param_port(config)),
                "a": Out(read_port(config)),
                "b": Out(read_port(config)),
                "write": Out(write_port(config)),
                "done": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = VectorCore(self.config)
        m.submodules.writer = writer = Writer(self.config, self.config.lanes)
        connect(m, flipped(self.i), core.i)
        connect(m, core.write, writer.i)
        connect(m, core.o, writer.data)
        connect(m, writer.port, flipped(self.write))
        m.d.comb += [
            getattr(core.params, n).eq(getattr(self.params, n))
            for n in self.params.signature.members
        ]
        m.d.comb += [self.done.eq(writer.done), self.busy.eq(core.busy)]
        operands = [("a", core.read_a, core.a, self.a)]
        if "eltwise" in self.config.features:
            operands.append(("b", core.read_b, core.b, self.b))
        else:
            m.d.comb += core.read_b.ready.eq(1)
        for name, descriptor, vectors, port in operands:
            m.submodules[f"read_{name}"] = reader = VectorReader(
                self.config, self.config.read_fifo, padded=name == "a"
            )
            connect(m, descriptor, reader.i)
            connect(m, reader.o, vectors)
            connect(m, reader.port, flipped(port))
        return m
