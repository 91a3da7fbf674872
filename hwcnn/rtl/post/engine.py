"""The post engine: accumulators through requantisation to DRAM."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.hdl._ast import Statement
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Member, Out
from amaranth.utils import exact_log2

from hwcnn import isa
from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.array.accumulators import drain_port
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
from hwcnn.rtl.lib.delay import delay
from hwcnn.rtl.lib.fifo import StreamFifo
from hwcnn.rtl.lib.loop_counter import LoopCounter
from hwcnn.rtl.lib.ram import Ram

from .param_slots import ParamSlots
from .pipeline import PostPipeline


def _shared_members(config: AccelConfig) -> dict[str, Member]:
    return {
        "i": In(stream.Signature(instruction_layout(isa.POST))),
        "accumulators": Out(drain_port(config)),
        "params": In(param_port(config)),
        "done": Out(1),
        "stall_store": Out(1),
    }


class PostCore(wiring.Component):
    """Drains accumulators, a vector of P lanes a cycle, without a bubble between blocks or
    instructions.

    With stage2 a vector goes through the pipeline twice, the second time `SECOND` cycles after the
    first, and the next instruction begins when the last vector has begun its second pass: n vectors
    take 2n cycles where n is a multiple of `SECOND`, at most `SECOND` more otherwise.

    The descriptors of the next instruction are handed on while one runs, so that its residual is
    fetched early. An instruction stays at `i` until it runs and its descriptors have been taken, at
    least 3 cycles; `i.payload` shows in theirs. A vector is issued when the output FIFO has room
    for it, and its residual vector is there. Latency: `START` cycles from ``i.valid`` to the first
    issue, `LATENCY` from a vector's last pass to `o`.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    i : stream of POST. accumulators : `drain_port`, data `Accumulators.READ_LATENCY` cycles after
    ``en``. params : param_port. write : stream of `WRITE_LAYOUT`, o : stream of P bytes: its
    vectors. read : stream of `READ_LAYOUT` (only for instructions with a residual), residual :
    stream of L bytes: its vectors.
    done : pulses when the last accumulator has been read, and the last parameters but for the
    shifts, which `ParamSlots` reads a few cycles later, before a PARAM that waits for this can
    write them. stall_store : a vector waits for room.
    """

    FIFO = 32
    START = 1
    SECOND = PostPipeline.SECOND
    LATENCY = PostPipeline.LATENCY + 2

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            _shared_members(config)
            | {
                "write": Out(stream.Signature(WRITE_LAYOUT)),
                "o": Out(stream.Signature(8 * config.post_lanes)),
                "read": Out(stream.Signature(READ_LAYOUT)),
                "residual": In(stream.Signature(8 * config.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pipeline = pipeline = PostPipeline(self.config)
        m.submodules.slots = slots = ParamSlots(self.config, dest=0)
        m.submodules.fifo = fifo = StreamFifo(8 * self.config.post_lanes, self.FIFO, block=True)
        wiring.connect(m, wiring.flipped(self.params), slots.params)
        wiring.connect(m, fifo.o, wiring.flipped(self.o))

        can_issue, issue, free, end, leave = Signal(), Signal(), Signal(), Signal(), Signal()
        waiting = self._accept(m, free)
        run, running, running_next = self._issue(m, issue, free, waiting, end)
        # second[k]: in k cycles a second pass begins. idle: nothing runs, and no second pass begins
        # after this cycle.
        second, idle = Signal(self.SECOND), Signal(init=1)
        m.d.sync += [
            second.eq(Cat(second[1:], issue & run.stage2)),
            idle.eq(~running_next & ~second[2:].any() & ~(issue & run.stage2)),
        ]
        m.d.comb += [
            # Without a second stage there is no residual to wait for.
            free.eq(idle | (can_issue & end & ~run.stage2)),
            leave.eq(second[0] | (issue & ~run.stage2)),
        ]
        self._credit(m, run, running & ~second[0], running_next & ~second[1], can_issue, issue)

        sent = Signal(PostPipeline.LATENCY)
        m.d.sync += [sent.eq(Cat(leave, sent)), self.done.eq(issue & end)]
        m.d.comb += [
            slots.en.eq(issue),
            slots.addr.eq(
                Cat(run.group[: exact_log2(self.config.cols // self.config.post_lanes)], run.slot)
            ),
            self._control(pipeline.control, run, second[0]),
            pipeline.accumulators.eq(self.accumulators.data),
            pipeline.bias.eq(slots.bias),
            pipeline.mantissa.eq(slots.mantissa),
            pipeline.shift.eq(slots.shift),
            pipeline.residual.eq(self._late_residual(m, self._lanes(run))),
            fifo.i.valid.eq(sent[-1]),
            fifo.i.payload.eq(pipeline.result),
        ]
        return m

    def _accept(self, m: Module, free: Value) -> Value:
        """Hands on the descriptors; returns: an instruction is at `i` that does not run yet."""
        fields, write, read = self.i.payload, self.write.payload, self.read.payload
        offered, taken = Signal(), Signal()
        m.d.comb += self.i.ready.eq(taken & offered & ~self.write.valid & ~self.read.valid)
        for descriptor in (self.write, self.read):
            with m.If(descriptor.ready):
                m.d.sync += descriptor.valid.eq(0)
        with m.If(self.i.valid & ~offered):
            m.d.sync += [offered.eq(1), self.write.valid.eq(1), self.read.valid.eq(fields.residual)]
        with m.If(free & self.i.valid):
            m.d.sync += taken.eq(1)
        with m.If(self.i.ready):
            m.d.sync += [offered.eq(0), taken.eq(0)]
        m.d.comb += [write[n].eq(fields[n]) for n in WRITE_LAYOUT.members]
        m.d.comb += [
            read.addr.eq(fields.res_addr & -self.config.lanes),
            read.n_blk.eq(fields.n_blk),
            read.blk_stride.eq(fields.out_blk_stride),
            read.row_stride.eq(fields.out_row_stride),
            read.n_rows.eq(fields.out_rows),
            read.n_cols.eq(fields.out_cols),
        ]
        return self.i.valid & ~taken

    def _issue(
        self, m: Module, issue: Value, free: Value, waiting: Value, end: Value
    ) -> tuple[Signal, Signal, Signal]:
        """The loops over blocks, rows and columns; returns (fields of the running instruction, not
        all vectors are issued, that in the next cycle).
        """
        run, new = Signal(instruction_layout(isa.POST), reset_less=True), self.i.payload
        running, running_next, ended = Signal(), Signal(), Signal(3)
        for k, n in enumerate(("out_cols", "out_rows", "n_blk")):
            m.submodules[n] = counter = LoopCounter(len(new[n]))
            m.d.comb += [
                counter.load.eq(free),
                counter.n.eq(new[n]),
                counter.step.eq(issue & ended[:k].all()),
                ended[k].eq(counter.last),
            ]
        m.d.comb += [
            end.eq(ended.all()),
            self.accumulators.en.eq(issue),
            self.accumulators.addr.eq(run.acc),
            running_next.eq(Mux(free, waiting, running & ~(issue & end))),
        ]
        m.d.sync += running.eq(running_next)
        with m.If(issue):
            m.d.sync += [run.acc.eq(run.acc + 1), run.slot.eq(run.slot + ended[:2].all())]
        # whatever is at `i` is taken over, so that only one bit has to wait for its `valid`
        with m.If(free):
            m.d.sync += [run.eq(new), run.mb.eq(Mux(new.residual, new.mb, 0))]
        return run, running, running_next

    def _credit(
        self,
        m: Module,
        run: data.View,
        ready: Value,
        ready_next: Value,
        can_issue: Value,
        issue: Value,
    ) -> None:
        """Decides about `issue`, all but the residual a cycle ahead: places in the output FIFO are
        reserved.
        """
        credits, has_credit, has_credit_next = (
            Signal(range(self.FIFO + 1), init=self.FIFO),
            Signal(init=1),
            Signal(),
        )
        popped = Signal()
        there = self.residual.valid | ~run.residual
        m.d.sync += [
            popped.eq(self.o.valid & self.o.ready),
            credits.eq(credits - issue + popped),
            has_credit.eq(has_credit_next),
            can_issue.eq(ready_next & has_credit_next),
        ]
        m.d.comb += [
            has_credit_next.eq(popped | credits[1:].any() | (credits[0] & ~issue)),
            issue.eq(can_issue & there),
            self.stall_store.eq(ready & ~has_credit & there),
            self.residual.ready.eq(can_issue & run.residual),
        ]

    def _control(self, control: data.View, run: data.View, second: Value) -> list[Statement]:
        fields = {n: run[n] for n in ("group", "ma", "c", "shift")}
        fields |= {n: Mux(second, run[n + "2"], run[n]) for n in ("zero", "low", "high")}
        fields |= {"second": second, "half": run.acc[bits_for(self.config.acc_depth)], "mb": run.mb}
        return [control[n].eq(value) for n, value in fields.items()]

    def _late_residual(self, m: Module, residual: Value) -> Value:
        """A residual vector, a cycle after its second pass begins; the delay line is a RAM."""
        now = Signal(bits_for(self.SECOND))
        m.submodules.residuals = ram = Ram(len(residual), 1 << len(now), block=True)
        m.d.sync += now.eq(now + 1)
        m.d.comb += [
            ram.w_en.eq(1),
            ram.w_addr.eq(now),
            ram.w_data.eq(residual),
            ram.r_en.eq(1),
            ram.r_addr.eq(now - (self.SECOND - 1)),
        ]
        return delay(m, ram.r_data, 1, "residual")

    def _lanes(self, run: data.View) -> Value:
        """The P lanes of a residual vector of L that belong to the output's block."""
        lanes, vector = self.config.post_lanes, self.config.lanes
        if lanes == vector:
            return self.residual.payload
        return self.residual.payload.word_select(
            run.res_addr[bits_for(lanes) : bits_for(vector)], 8 * lanes
        )


class PostEngine(wiring.Component):
    """Executes POST: `PostCore` with the reader of its residual and the writer of its results.

    Members
    -------
    i, accumulators, params, done, stall_store : as in `PostCore`. residual, write : clients of the
    multiplexers.
    stored : pulses when memory has acknowledged the last write of an instruction.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            _shared_members(config)
            | {
                "residual": Out(read_port(config)),
                "write": Out(write_port(config)),
                "stored": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = PostCore(self.config)
        m.submodules.reader = reader = VectorReader(
            self.config, self.config.read_fifo, padded=False
        )
        m.submodules.writer = writer = Writer(self.config, self.config.post_lanes)
        for name in ("i", "params"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(core, name))
        wiring.connect(m, core.accumulators, wiring.flipped(self.accumulators))
        wiring.connect(m, core.read, reader.i)
        wiring.connect(m, reader.o, core.residual)
        wiring.connect(m, core.write, writer.i)
        wiring.connect(m, core.o, writer.data)
        wiring.connect(m, reader.port, wiring.flipped(self.residual))
        wiring.connect(m, writer.port, wiring.flipped(self.write))
        m.d.comb += [
            self.done.eq(core.done),
            self.stall_store.eq(core.stall_store),
            self.stored.eq(writer.done),
        ]
        return m
