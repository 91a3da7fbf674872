"""The array engine: instructions, weights and activations in, sums for the accumulators out."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.layouts import instruction_layout
from hwcnn.rtl.lib.delay import delay
from hwcnn.rtl.lib.loop_counter import LoopCounter
from hwcnn.rtl.lib.ram import Ram

from .accumulators import Accumulators, sums_port
from .activation_buffer import activation_port
from .pass_sequencer import STEP_BITS, PassSequencer
from .pe_array import PeArray


class ArrayEngine(wiring.Component):
    """Runs ARRAY: a pixel a cycle, no bubble between passes, none between instructions that are
    there in time.

    A pass of M pixels takes max(M, R) cycles where the weights come at a row a cycle. With its
    first pixel in cycle t:

    - its sums leave in cycle ``t + latency(config)``, those of the other pixels one a cycle after
    it; their addresses
      `Accumulators.DATA_LATENCY` cycles before them;
    - it needs all R rows of its tile to have been taken in cycle t - 1 or before. They wait in a
    RAM of one tile, from
      which row r goes to the PEs in cycle t + r. So row 0 of the next tile is taken in cycle t at
      the earliest, and row r then not before t + r. The R rows so take cycles t to t + R - 1 or
      later ones, and the next pass starts in t + R or later.

    The first pixel is issued `START` cycles after its instruction is taken, if the array is idle
    and the weights are there.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    i : stream of ARRAY. act : to `ActivationBuffer`. weights : stream of 8*C bits, a
    row of a tile, row 0 first. sums : to `Accumulators`. done : pulses when the instruction's last
    sums are in the accumulators' RAM. busy : a pixel is issued. stall_weights : a pass waits for
    rows of its tile, also where it is short and R rows take longer.
    """

    START = PassSequencer.LATENCY + 1

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(isa.ARRAY))),
                "act": Out(activation_port(config)),
                "weights": In(stream.Signature(8 * config.cols)),
                "sums": Out(sums_port(config)),
                "done": Out(1),
                "busy": Out(1),
                "stall_weights": Out(1),
            }
        )

    @staticmethod
    def latency(config: AccelConfig) -> int:
        """Cycles from a pixel's issue to its sums."""
        return 1 + PeArray.latency(config)

    @classmethod
    def done_latency(cls, config: AccelConfig) -> int:
        """Cycles from the issue of an instruction's last pixel to `done`."""
        return cls.latency(config) - Accumulators.DATA_LATENCY + Accumulators.LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.passes = passes = PassSequencer()
        m.submodules.pes = pes = PeArray(self.config)
        wiring.connect(m, wiring.flipped(self.i), passes.i)

        full, issue, swap = Signal(), Signal(), Signal()
        tag = self._pixels(m, passes.o, full, issue, swap)
        self._load(m, pes, full, swap)
        m.d.comb += [
            self.busy.eq(issue),
            pes.act.eq(self.act.data),
            self.sums.data.eq(pes.sums),
        ]
        self._tags(m, issue, *tag)
        return m

    def _pixels(
        self, m: Module, passes: stream.Interface, full: Value, issue: Value, swap: Value
    ) -> tuple[Value, Value, Value]:
        """The loops y and x of a pass; returns (first, accumulator address, last pixel of the
        instruction).
        """
        run = Signal(passes.payload.shape(), reset_less=True)
        idle, fresh = Signal(init=1), Signal()  # no pass; the next pixel is the first one of a pass
        address, row = Signal(STEP_BITS, reset_less=True), Signal(STEP_BITS, reset_less=True)
        acc, next_acc = Signal.like(self.sums.addr), Signal.like(self.sums.addr, reset_less=True)
        new, ready = passes.payload, Signal()
        end_x, end_y = (self._loop_counter(m, n, new[n], ready) for n in ("n_x", "n_y"))
        end, stalled = end_x.last & end_y.last, fresh & ~full
        m.d.comb += [
            issue.eq(~idle & ~stalled),
            swap.eq(fresh & full),
            self.stall_weights.eq(stalled),
            ready.eq(~stalled & (idle | end)),
            passes.ready.eq(ready),
            self.act.en.eq(~stalled),
            self.act.addr.eq(address),
            self.act.upper.eq(run.upper),
            acc.eq(Mux(fresh & run.restart, run.acc, next_acc)),
            end_x.step.eq(~stalled),
            end_y.step.eq(~stalled & end_x.last),
        ]
        with m.If(issue):
            m.d.sync += next_acc.eq(acc + 1)
        with m.If(~stalled):  # without a pass as well: then nothing of this matters
            next_row = (row + run.s_y)[:STEP_BITS]
            m.d.sync += [fresh.eq(0), address.eq(Mux(end_x.last, next_row, address + run.s_x))]
            with m.If(end_x.last):
                m.d.sync += row.eq(next_row)
        # whatever is there is taken over, so that only one bit has to wait for its `valid`
        with m.If(ready):
            m.d.sync += [
                run.eq(new),
                idle.eq(~passes.valid),
                fresh.eq(passes.valid),
                address.eq(new.base),
                row.eq(new.base),
            ]
        return run.first, acc, run.last & end

    def _loop_counter(self, m: Module, name: str, n: int, load: Value) -> LoopCounter:
        m.submodules[name] = counter = LoopCounter(len(n))
        m.d.comb += [counter.load.eq(load), counter.n.eq(n)]
        return counter

    def _load(self, m: Module, pes: PeArray, full: Value, swap: Value) -> None:
        """Takes rows of a tile while its RAM is free; with `swap` they begin to go to the PEs."""
        rows = self.config.rows
        m.submodules.tile = tile = Ram(8 * self.config.cols, rows, read_old=True)
        row, leaving = Signal(range(rows)), Signal(range(rows))
        take, leave = self.weights.valid & self.weights.ready, Signal()
        m.d.comb += [
            self.weights.ready.eq(~full | swap),
            leave.eq(swap | (leaving != 0)),
            tile.w_en.eq(take),
            tile.w_addr.eq(row),
            tile.w_data.eq(self.weights.payload),
            tile.r_en.eq(leave),
            tile.r_addr.eq(leaving),
            pes.weights.eq(tile.r_data),
        ]
        load = Signal(rows, reset_less=True)
        m.d.sync += [
            row.eq(row + take),
            leaving.eq(leaving + leave),
            load.eq(Mux(leave, 1 << leaving, 0)),
            full.eq((full & ~swap) | (take & (row == rows - 1))),
        ]
        m.d.comb += pes.load.eq(load)

    def _tags(self, m: Module, issue: Value, first: Value, acc: Value, last: Value) -> None:
        """What travels beside a pixel."""
        latency = self.latency(self.config) - Accumulators.DATA_LATENCY
        valid, done = Signal(latency), Signal(self.done_latency(self.config))
        m.d.sync += [valid.eq(Cat(issue, valid)), done.eq(Cat(issue & last, done))]
        tag = delay(m, Cat(first, acc), latency, "tag")
        m.d.comb += [
            self.sums.valid.eq(valid[-1]),
            self.done.eq(done[-1]),
            self.sums.first.eq(tag[0]),
            self.sums.addr.eq(tag[1:]),
        ]
