"""The engines, their queues and the bus between them: all of the accelerator that a soft reset
clears.
"""

from collections.abc import Mapping

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.array.accumulators import Accumulators
from hwcnn.rtl.array.activation_buffer import ActivationBuffer
from hwcnn.rtl.array.engine import ArrayEngine
from hwcnn.rtl.array.load_engine import LoadEngine
from hwcnn.rtl.array.weight_engine import WeightEngine
from hwcnn.rtl.bus.axi import ReadMux, WriteMux
from hwcnn.rtl.bus.axi_master import axi_members
from hwcnn.rtl.bus.faults import FaultLocator
from hwcnn.rtl.host.dispatch import Dispatch
from hwcnn.rtl.host.fetch import Fetch
from hwcnn.rtl.host.queue import InstructionQueue
from hwcnn.rtl.host.registers import PERF
from hwcnn.rtl.post.engine import PostEngine
from hwcnn.rtl.post.param_engine import ParamEngine
from hwcnn.rtl.vector.engine import VectorEngine

from .layouts import COUNTS_LAYOUT, wire_params

#: Bits of `Core.events`, from bit 0: completions (isa.COUNTERS), instructions taken, what the
#: engines do in the cycle.
STARTS = tuple(i.name for i in isa.INSTRUCTIONS if i is not isa.END)
LEVELS = (
    *("array_busy", "stall_weights", "stall_activations", "stall_accumulators"),
    *("stall_program", "stall_store", "vector_busy"),
)

Engines = Mapping[str, wiring.Component]


def instructions(config: AccelConfig) -> tuple[isa.Instruction, ...]:
    """The instructions that an accelerator of this configuration has."""
    return tuple(i for i in isa.INSTRUCTIONS if i is not isa.VECTOR or config.features)


class Core(wiring.Component):
    """Runs the program at ``base + program``.

    Parameters
    ----------
    config : AccelConfig. Without features there is no vector engine, and VECTOR is a bad opcode.

    Members
    -------
    AXI4 master : see `axi_members`. An id is the number of the client in registers.READ_CLIENTS or
    WRITE_CLIENTS.
    start : pulse, only when idle; base : DRAM address of byte 0; program : byte offset of the
    program.
    counts : the completion counters; done : a pulse for each. finished : pulse: END's waits hold
    and fetching is over.
    drain : no new burst is issued, nor after an error of the bus; drained : nothing is in flight on
    the bus, and `drain` is high.
    read_error, write_error, client, located, fault_addr, bad_opcode, activity, perf : for
    `control.Control`.
    events : done, an instruction taken by each of `STARTS`, then `LEVELS`.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            axi_members(config)
            | {
                "start": In(1),
                "base": In(32),
                "program": In(32),
                "counts": In(COUNTS_LAYOUT),
                "done": Out(len(isa.COUNTERS)),
                "finished": Out(1),
                "drain": In(1),
                "drained": Out(1),
                "read_error": Out(1),
                "write_error": Out(1),
                "client": Out(4),
                "located": Out(1),
                "fault_addr": Out(32),
                "bad_opcode": Out(1),
                "activity": Out(1),
                "perf": Out(len(PERF) - 1),
                "events": Out(len(isa.COUNTERS) + len(STARTS) + len(LEVELS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        engines = self._engines(m)
        fetch, queues = self._program(m)
        for name, engine in engines.items():
            connect(m, queues[name].o, engine.i)
        self._data_paths(m, engines)
        self._bus(m, fetch, engines)
        self._events(m, engines, queues)
        return m

    def _engines(self, m: Module) -> dict[str, wiring.Component]:
        """The engines by the name of their instruction."""
        config = self.config
        engines = {
            "load": LoadEngine(config),
            "weight": WeightEngine(config),
            "param": ParamEngine(config),
            "array": ArrayEngine(config),
            "post": PostEngine(config),
        }
        if config.features:
            engines["vector"] = VectorEngine(config)
        for name, engine in engines.items():
            m.submodules[name] = engine
        return engines

    def _program(self, m: Module) -> tuple[Fetch, dict[str, InstructionQueue]]:
        """Fetch, dispatch and queues; returns the fetch, and the queues by the name of their
        instruction.
        """
        m.submodules.fetch = fetch = Fetch(self.config)
        m.submodules.dispatch = dispatch = Dispatch(instructions(self.config))
        connect(m, fetch.o, dispatch.i)
        m.d.comb += [
            fetch.start.eq(self.start),
            fetch.address.eq(self.program),
            fetch.stop.eq(dispatch.stop),
            dispatch.start.eq(self.start),
            self.bad_opcode.eq(dispatch.bad_opcode),
        ]
        queues = {}
        for instruction in instructions(self.config):
            name = instruction.name
            m.submodules[f"{name}_queue"] = queue = queues[name] = InstructionQueue(
                self.config, instruction
            )
            connect(m, getattr(dispatch, f"o_{name}"), queue.i)
            m.d.comb += queue.counts.eq(self.counts)
        end = queues["end"].o
        m.d.comb += [end.ready.eq(~fetch.busy), self.finished.eq(end.valid & end.ready)]
        return fetch, queues

    def _data_paths(self, m: Module, engines: Engines) -> None:
        """Activation buffer, weights, accumulators, parameters and writers."""
        config, array, post, load = self.config, engines["array"], engines["post"], engines["load"]
        m.submodules.activations = activations = ActivationBuffer(config)
        m.submodules.accumulators = accumulators = Accumulators(config)
        connect(m, load.write, activations.write)
        connect(m, array.act, activations.read)
        connect(m, engines["weight"].o, array.weights)
        connect(m, array.sums, accumulators.sums)
        connect(m, post.accumulators, accumulators.read)
        params = engines["param"].o
        for engine in (post, engines.get("vector")):
            if engine is not None:
                wire_params(m, params, engine)

    def _bus(self, m: Module, fetch: Fetch, engines: Engines) -> None:
        """The multiplexers and what is in flight on the bus."""
        post, vector = engines["post"], engines.get("vector")
        readers = [
            fetch.port,
            engines["load"].port,
            engines["weight"].port,
            engines["param"].port,
            post.residual,
        ]
        writers = [post.write]
        if vector is not None:
            readers += [vector.a, vector.b]
            writers += [vector.write]
        m.submodules.reads = reads = ReadMux(self.config, len(readers))
        m.submodules.writes = writes = WriteMux(self.config, len(writers))
        m.submodules.faults = faults = FaultLocator()
        hold, settled = Signal(), Signal()
        m.d.sync += hold.eq(self.drain | faults.fault)
        for mux, ports in ((reads, readers), (writes, writers)):
            m.d.comb += [mux.base.eq(self.base), mux.back.eq(faults.back)]
            for port, client in zip(ports, mux.clients, strict=True):
                self._client(m, port, client, hold)
            for name, member in axi_members(self.config).items():
                if name in mux.signature.members:
                    inside, outside = getattr(mux, name), getattr(self, name)
                    m.d.comb += outside.eq(inside) if member.flow is Out else inside.eq(outside)
        # Normal, non-cacheable, bufferable; unprivileged, secure, data.
        m.d.comb += [
            self.arcache.eq(0b0011),
            self.awcache.eq(0b0011),
            self.arprot.eq(0),
            self.awprot.eq(0),
        ]

        m.d.comb += [
            settled.eq(hold & reads.idle & writes.idle),
            self.drained.eq(self.drain & settled),
        ]
        self._bus_errors(m, fetch, reads, writes, faults, settled)
        m.d.comb += self.activity.eq(
            (self.arvalid & self.arready)
            | (self.awvalid & self.awready)
            | (self.rvalid & self.rready)
            | (self.wvalid & self.wready)
            | (self.bvalid & self.bready)
            | engines["array"].busy
        )

    def _bus_errors(
        self,
        m: Module,
        fetch: Fetch,
        reads: ReadMux,
        writes: WriteMux,
        faults: FaultLocator,
        settled: Value,
    ) -> None:
        """The answers with an error, and the search for their burst."""
        m.d.comb += [
            # What is fetched beyond the program's end is not used.
            self.read_error.eq(reads.error & ~((reads.client == 0) & fetch.stop)),
            self.write_error.eq(writes.error),
            faults.read_error.eq(self.read_error),
            faults.read_ended.eq(reads.ended),
            faults.read_client.eq(reads.client),
            faults.write_error.eq(self.write_error),
            faults.write_ended.eq(writes.ended),
            faults.write_client.eq(writes.client),
            faults.settled.eq(settled),
            faults.shown.eq(Mux(faults.write, self.awid, self.arid)),
            self.fault_addr.eq(Mux(faults.write, self.awaddr, self.araddr)),
            self.client.eq(faults.client),
            self.located.eq(faults.located),
        ]

    def _client(
        self, m: Module, port: wiring.PureInterface, client: wiring.PureInterface, hold: Value
    ) -> None:
        """Connect a client to a multiplexer; its bursts are held back while `hold` is high."""
        request = client.request
        m.d.comb += [
            request.valid.eq(port.request.valid & ~hold),
            request.payload.eq(port.request.payload),
            port.request.ready.eq(request.ready & ~hold),
        ]
        if "response" in port.signature.members:
            m.d.comb += [
                client.data.valid.eq(port.data.valid),
                client.data.payload.eq(port.data.payload),
                port.data.ready.eq(client.data.ready),
                port.response.eq(client.response),
            ]
        else:
            m.d.comb += [
                port.data.valid.eq(client.data.valid),
                port.data.payload.eq(client.data.payload),
                client.data.ready.eq(port.data.ready),
                client.low_priority.eq(port.low_priority),
            ]

    def _events(self, m: Module, engines: Engines, queues: Mapping[str, InstructionQueue]) -> None:
        """Completions, starts and what the engines do, for the counters and for traces."""
        array, post, vector = engines["array"], engines["post"], engines.get("vector")
        absent = Const(0, 1)
        taken = {name: queues[name].o.valid & queues[name].o.ready for name in engines}
        done = {
            "load": engines["load"].done,
            "array": array.done,
            "post": post.done,
            "pstore": post.stored,
            "vstore": absent if vector is None else vector.done,
            "param": engines["param"].done,
        }
        waiting = queues["array"].waiting
        idle = ~array.busy & ~array.stall_weights & array.i.ready & ~array.i.valid
        for_load, for_post = (waiting[isa.COUNTERS.index(c)] for c in ("load", "post"))
        levels = {
            "array_busy": array.busy,
            "stall_weights": array.stall_weights,
            "stall_activations": idle & for_load,
            "stall_accumulators": idle & for_post & ~for_load,
            "stall_program": idle & queues["array"].empty,
            "stall_store": post.stall_store,
            "vector_busy": absent if vector is None else vector.busy,
        }
        level = Cat(levels[name] for name in LEVELS)
        m.d.comb += [
            self.done.eq(Cat(done[counter] for counter in isa.COUNTERS)),
            self.events.eq(Cat(self.done, (taken.get(name, absent) for name in STARTS), level)),
            self.perf.eq(Cat(level, self.rvalid & self.rready, self.wvalid & self.wready)),
        ]
