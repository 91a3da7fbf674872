"""Errors of the bus, soft resets and dead buses, each followed by a run that must be exact.

Usage: python bench/faults.py [--faults 200] [--stride 1] [--seed 0] [--record]

A small network runs in RTL. Of each client in turn a random burst is answered with SLVERR or
DECERR: the accelerator must report error, client and the address of that burst, be free after a
soft reset, and get the next run right in every byte. Then it is reset in every cycle (or every
`stride`-th) of the program and started again at once. Then memory stops answering for ever after
some bursts. --record writes docs/reliability/faults.json and the section of docs/reliability.md.
Exit code 1 where anything went wrong.
"""

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from hwcnn import golden
from hwcnn.config import AccelConfig
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.rtl.host.registers import LIMIT_UNIT, READ_CLIENTS, WRITE_CLIENTS
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.sim.compare import compare
from hwcnn.sim.design import Design
from hwcnn.sim.engines.fault_orders import DECERR, SLVERR, Fault
from hwcnn.sim.engines.rtl_engine import AcceleratorError, RtlSimulator
from hwcnn.sim.testbench import accelerator

CONFIG = AccelConfig(rows=4, cols=4, axi_bytes=16, act_kib=4, acc_depth=64, pool_depth=64)
DOCS = Path(__file__).parents[1] / "docs"
#: Every client of the bus, and whether it writes.
CLIENTS = [(False, name) for name in READ_CLIENTS] + [(True, name) for name in WRITE_CLIENTS]
#: Cycles in which runs may differ, as another client has the turn on the bus when they begin.
TURNS = 20
#: Bursts after which the bus dies.
DEATHS = (0, 1, 5, 20, 60)


class Wrong(Exception):
    """The accelerator did not do what it must: one line."""


def network(config):
    """A `Design` of a network that uses every client: a residual, a sum of two maps,
    pooling, convolutions.
    """
    generator = np.random.default_rng(0)
    weights, nodes = [], []

    def conv(name, x, y, cin, cout, kernel):
        value = generator.standard_normal((cout, cin, kernel, kernel), np.float32) / (
            kernel * cin**0.5
        )
        weights.append(numpy_helper.from_array(value, f"{name}.w"))
        nodes.append(
            helper.make_node(
                "Conv",
                [x, f"{name}.w"],
                [y],
                name=name,
                pads=[kernel // 2] * 4,
                kernel_shape=[kernel] * 2,
            )
        )

    conv("first", "x", "a", 4, 8, 3)
    conv("second", "a", "b", 8, 8, 1)
    nodes.append(helper.make_node("Add", ["a", "b"], ["c"], name="residual"))
    for x, y, kind in (("c", "d", "MaxPool"), ("c", "e", "AveragePool")):
        nodes.append(
            helper.make_node(kind, [x], [y], name=kind, kernel_shape=[2, 2], strides=[2, 2])
        )
    nodes.append(helper.make_node("Add", ["d", "e"], ["f"], name="sum"))
    conv("third", "f", "y", 8, 8, 1)
    tensor = helper.make_tensor_value_info
    x, y = (
        tensor("x", TensorProto.FLOAT, (1, 4, 6, 6)),
        tensor("y", TensorProto.FLOAT, (1, 8, 3, 3)),
    )
    graph = helper.make_graph(nodes, "faults", [x], [y], weights)
    model = normalise(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
        "faults",
    )
    graph = import_graph(quantise(model, None, 0))
    return Design.compile(graph, config, accelerator_verilog(config))


@dataclass
class Bench:
    """A design in a simulator, with what DRAM holds after a right run, and its cycles (None under
    stalls, where they differ).
    """

    design: Design
    simulator: RtlSimulator
    x: dict
    image: np.ndarray = None
    cycles: int | None = None

    @classmethod
    def begin(cls, design, simulator, stalls):
        shapes = {name: design.graph.tensors[name].shape for name in design.graph.inputs}
        self = cls(
            design,
            simulator,
            {
                name: np.random.default_rng(1).integers(-128, 128, shape, np.int8)
                for name, shape in shapes.items()
            },
        )
        cycles = self.run().counters["cycles"]
        tensors = golden.run(design.graph, self.x)
        differences = compare(simulator.dram, design.computed, tensors)
        if wrong := [str(d) for d in differences.values() if d.mismatches]:
            raise Wrong(wrong[0])
        self.image, self.cycles = np.array(simulator.dram), None if stalls else cycles
        return self

    def run(self, **how):
        self.design.fill(self.simulator.dram, self.x)
        manifest = self.design.manifest
        return self.simulator.run(manifest.memory.program.addr, budget=manifest.cycle_budget, **how)

    def exact(self, what, **how):
        """A run that must end as the first one did."""
        cycles = self.run(**how).counters["cycles"]
        if at := np.flatnonzero(self.simulator.dram != self.image).tolist():
            raise Wrong(
                f"{what}: {len(at)} bytes of the run after it are wrong, the first at {at[0]:#x}"
            )
        if self.cycles is not None and abs(cycles - self.cycles) > TURNS:
            raise Wrong(f"{what}: the run after it took {cycles} cycles, not {self.cycles}")

    def fails(self, what, **how):
        """The `AcceleratorError` of a run."""
        try:
            self.run(**how)
        except AcceleratorError as e:
            return e
        raise Wrong(f"{what}: no error was reported")

    def bursts(self):
        """{(write, client): bursts of a run}; of the program only those that are used in full."""
        orders = self.simulator.orders
        orders.arm(Fault(False, 0, 2**32 - 1))
        self.exact("counting bursts")
        orders.disarm()
        counts = {
            (write, name): orders.seen(write, _number(write, name)) for write, name in CLIENTS
        }
        return counts | {(False, "fetch"): len(self.design.program) // 64}


def _number(write, name):
    return (WRITE_CLIENTS if write else READ_CLIENTS).index(name)


def fault(bench, counts, number, generator):
    """Inject an error into a burst of client `number` (in turn); raises Wrong where it is not
    reported or not recovered from.
    """
    write, name = CLIENTS[number % len(CLIENTS)]
    if not counts[write, name]:
        raise Wrong(f"the network has no burst of {name}")
    resp = (SLVERR, DECERR)[number // len(CLIENTS) % 2]
    burst, beat = generator.randrange(counts[write, name]), generator.randrange(16)
    order = Fault(write, _number(write, name), burst, beat, resp)
    bench.simulator.orders.arm(order)
    what = f"{order}"
    error, address = bench.fails(what), bench.simulator.orders.answered
    expected = ("write" if write else "read", name, address, False)
    if address is None or (error.error, error.client, error.address, error.dead) != expected:
        raise Wrong(
            f"{what}: reported {error.error}, {error.client}, {error.address}, "
            f"bus dead: {error.dead}; expected {expected}"
        )
    bench.exact(what)


def dead_bus(bench, after):
    """The bus dies after some bursts: the watchdog ends the run, the reset gives up, and after a
    reset of the bus all is well.
    """
    bench.simulator.orders.kill(after)
    what = f"bus dead after {after} bursts"
    error = bench.fails(what, watchdog=2 * LIMIT_UNIT)
    if (error.error, error.dead) != ("watchdog", True):
        raise Wrong(f"{what}: reported {error.error}, bus dead: {error.dead}")
    bench.simulator.orders.revive()
    bench.exact(what)


def run(design, faults, stride, seed, stalls, optimise="-O1"):
    """(faults, resets, dead buses) that went well; raises Wrong where one did not. optimise : see
    `accelerator.build`.
    """
    generator, size = random.Random(seed), design.manifest.dram_bytes
    folder = accelerator.build(design.verilog, optimise=optimise)
    with RtlSimulator(folder, size, stalls=stalls) as simulator:
        bench = Bench.begin(design, simulator, stalls)
        counts = bench.bursts()
        for number in range(faults):
            fault(bench, counts, number, generator)
        length = bench.run().counters["cycles"]
        cycles = range(generator.randrange(stride), length + 20, stride)
        for cycle in cycles:
            bench.exact(f"reset in cycle {cycle}", reset_at=cycle)
        for after in DEATHS:
            dead_bus(bench, after)
    return faults, len(cycles), len(DEATHS)


#: The section of docs/reliability.md.
_SECTION = """\
A small network on {pe} PEs in RTL, half of it on memory that answers at full rate and in
order, half under random stalls, with read data of different clients mixed, answers out of order and
write data before its address. The memory checks AXI4's rules for a master: stability of all
signals, size, kind, alignment, 4 KiB, length, `wlast`; an address where there is no memory is
answered with DECERR, which ends the run.

`python bench/faults.py --seed {seed} --record`, {seconds} s

| what | tried | failed |
|---|---:|---:|
| SLVERR or DECERR for a random burst: STATUS and FAULT_ADDR name error, client and address \
| {errors} | 0 |
| soft reset in each cycle of the program, and a start at once | {resets} | 0 |
| memory that stops answering for ever: ended by the watchdog, cleared by a second reset \
| {dead} | 0 |

Errors went to each client in turn: {clients}. After each of all these the
next run was right in every byte of DRAM; nothing is recorded where one was not."""


def record(figures):
    """Into the documentation."""
    from campaign.report import replace_section

    (DOCS / "reliability").mkdir(exist_ok=True)
    (DOCS / "reliability" / "faults.json").write_text(json.dumps(figures, indent=1) + "\n")
    replace_section(DOCS / "reliability.md", "## AXI faults", section(figures))


def section(figures):
    """The text of the section."""
    runs = figures["runs"]
    words = {
        "pe": figures["pe"],
        "seed": figures["seed"],
        "seconds": figures["seconds"],
        "clients": ", ".join(figures["clients"]),
        "errors": sum(run["bus errors"] for run in runs),
        "resets": sum(run["resets"] for run in runs),
        "dead": sum(run["dead buses"] for run in runs),
    }
    return _SECTION.format(**words)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    began, design, rows = time.monotonic(), network(CONFIG), []
    for stalls in (None, args.seed + 1):
        try:
            faults, resets, deaths = run(design, args.faults // 2, args.stride, args.seed, stalls)
        except Wrong as e:
            sys.exit(f"faults: {e}")
        rows.append(
            {
                "random stalls and order": stalls is not None,
                "bus errors": faults,
                "resets": resets,
                "dead buses": deaths,
            }
        )
        print(
            f"{'random stalls and order' if stalls else 'full rate, in order'}: {faults} errors "
            f"of the bus reported with client and address, {resets} soft resets, {deaths} dead "
            "buses; every run after one exact",
            flush=True,
        )
    if args.record:
        record(
            {
                "pe": CONFIG.pe,
                "clients": [name for _, name in CLIENTS],
                "seed": args.seed,
                "failures": 0,
                "runs": rows,
                "seconds": round(time.monotonic() - began),
            }
        )


if __name__ == "__main__":
    main()
