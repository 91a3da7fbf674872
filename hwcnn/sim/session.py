"""Runs a compiled network on one of the engines, input after input, and compares every tensor with
golden's.
"""

import contextlib
import time
from dataclasses import dataclass, field, replace

import numpy as np

from hwcnn import golden, ir, isa
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.layout import Placement
from hwcnn.scheduler.compile import compile_graph
from hwcnn.scheduler.rewrite.fold_stem import pack_input

from . import isa_engine, report, rtl
from .compare import compare, writer

ENGINES = ("rtl", "isa", "golden")
#: What the tensors' memory holds before a run, so that a tensor that is not written does not
#: compare equal by chance.
POISON = 0x5A
#: Mismatching tensors that are reported in full.
REPORTED = 5


@dataclass(frozen=True)
class Design:
    """What runs: an accelerator with a program. verilog : of the accelerator; graph : what golden
    runs for it.
    """

    config: AccelConfig
    manifest: dict
    program: bytes
    weights: np.ndarray
    verilog: str
    graph: ir.Graph

    @classmethod
    def of(cls, generated):
        return cls(
            generated.config,
            generated.manifest,
            generated.program,
            generated.weights,
            generated.verilog,
            generated.graph,
        )

    def layer(self, name):
        """The same accelerator with one layer alone, whose inputs are golden's tensors."""
        op = next((op for op in self.graph.ops if op.name == name), None)
        if op is None or isinstance(op, ir.Concat):
            layers = [op.name for op in self.graph.ops if not isinstance(op, ir.Concat)]
            raise InputError(
                f"--layer {name}: the network has no such layer: it has {', '.join(layers)}"
            )
        inputs = list(dict.fromkeys(op.inputs))
        tensors = {t: self.graph.tensors[t] for t in (*inputs, op.y)}
        graph = ir.Graph(
            f"{self.graph.name}/{name}",
            tensors,
            [op],
            inputs,
            [op.y],
            [],
            [(op.y, tensors[op.y].shape)],
        )
        compiled = compile_graph(graph, self.config)
        manifest = compiled.manifest | {
            key: self.manifest[key] for key in ("model", "batch", "labels") if key in self.manifest
        }
        return replace(
            self, manifest=manifest, program=compiled.program, weights=compiled.weights, graph=graph
        )

    @property
    def placements(self):
        return {
            name: Placement.from_dict(t["placement"])
            for name, t in self.manifest["tensors"].items()
        }

    def fill(self, dram, inputs):
        """Program, weights and the inputs (int8 by name) into a DRAM image; the other tensors'
        memory is poisoned.
        """
        memory = self.manifest["memory"]
        dram[: memory["tensors"]["size"]] = POISON
        for name, data in (
            ("program", np.frombuffer(self.program, np.uint8)),
            ("weights", self.weights),
        ):
            dram[memory[name]["addr"] : memory[name]["addr"] + len(data)] = data
        for item in self.manifest["inputs"]:
            source = item["pack"]["source"] if item["pack"] else item["tensor"]
            place = Placement.from_dict(item["placement"])
            dram[place.addr : place.addr + place.size] = place.pack(
                pack_input(inputs[source], item["pack"])
            )


@dataclass(frozen=True)
class Options:
    """engine : one of ENGINES. read_latency : of DRAM in cycles. stalls : seed of random bus
    stalls, or None. waves : .fst or .vcd file.
    optimise : the C++ compiler's level for the simulator; -O0 builds fast, for short runs. progress
    : called with what is being done, and (after a dot) with instructions done and in all.
    """

    engine: str = "rtl"
    read_latency: int = rtl.READ_LATENCY
    stalls: int | None = None
    waves: object = None
    optimise: str = "-O1"
    progress: object = lambda text: None


@dataclass
class Outcome:
    """Of one input: golden's tensors, what the engine got of the outputs, differences by tensor,
    the RTL's run.
    """

    tensors: dict
    outputs: dict
    differences: dict = field(default_factory=dict)
    run: rtl.Run | None = None
    seconds: float = 0.0


@dataclass
class Result:
    outcomes: list
    build_seconds: float = 0.0


def simulate(design, inputs, options):
    """Run `design` on each of `inputs`, dicts of input name to int8 [N, C, H, W]: a Result."""
    if options.engine == "golden":
        return Result([_golden_outcome(design, x) for x in inputs])
    outcomes = []
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        execute, dram = _engine(design, options, stack)
        result = Result(outcomes, time.monotonic() - began)
        for number, x in enumerate(inputs):
            options.progress(f"input {number + 1} of {len(inputs)}: golden")
            tensors = golden.run(design.graph, x)
            design.fill(dram, x)
            options.progress(f"input {number + 1} of {len(inputs)}: {options.engine}")
            began = time.monotonic()
            run = execute()
            seconds = run.seconds if run else time.monotonic() - began
            places = design.placements
            written = {
                name: place for name, place in places.items() if name not in design.graph.inputs
            }
            outputs = {name: places[name].unpack(dram) for name in design.graph.outputs}
            outcomes.append(
                Outcome(tensors, outputs, compare(dram, written, tensors), run, seconds)
            )
    return result


def _engine(design, options, stack):
    """A function that runs the program on the DRAM image, and the image (uint8)."""
    size, start = design.manifest["dram_bytes"], design.manifest["memory"]["program"]["addr"]
    if options.engine == "isa":
        dram = np.zeros(size, np.uint8)
        return lambda: isa_engine.run(design.program, dram, design.config) and None, dram
    options.progress("building the simulator")
    folder = rtl.build(design.verilog, options.waves is not None, options.optimise)
    simulator = stack.enter_context(
        rtl.RtlSimulator(
            folder,
            size,
            read_latency=options.read_latency,
            stalls=options.stalls,
            waves=options.waves,
        )
    )
    return lambda: simulator.run(start, budget=design.manifest["cycle_budget"]), simulator.dram


def _golden_outcome(design, x):
    began = time.monotonic()
    tensors = golden.run(design.graph, x)
    return Outcome(
        tensors, {n: tensors[n] for n in design.graph.outputs}, seconds=time.monotonic() - began
    )


def figures(design, options, result):
    """The figures of ``hwcnn simulate --json``: cycles and layers of the first input, comparisons
    of all together.
    """
    layers = design.manifest["layers"]
    macs = sum(layer["macs"] for layer in layers)
    values = {
        "engine": options.engine,
        "model": design.manifest["model"],
        "pe": design.config.pe,
        "cycles": None,
        "macs": macs,
        "conv_macs": sum(layer["macs"] for layer in layers[: report.conv_part(layers)]),
        "conv_cycles": None,
        "mac_utilisation": None,
        "conv_mac_utilisation": None,
    }
    every = [d for outcome in result.outcomes for d in outcome.differences.values()]
    values |= {
        "elements_compared": sum(d.elements for d in every),
        "mismatches": sum(d.mismatches for d in every),
        "max_abs_error": max((d.max_abs_error for d in every), default=0),
        "dram_read_bytes": None,
        "dram_write_bytes": None,
        "stall_cycles": {},
    }
    seconds = sum(o.seconds for o in result.outcomes)
    values |= {
        "seconds": round(seconds, 3),
        "build_seconds": round(result.build_seconds, 3),
        "cycles_per_second": None,
    }
    rows = [
        {"name": layer["name"], "op": layer["op"], "cycles": None, "macs": layer["macs"]}
        for layer in layers
    ]
    runs = [o.run for o in result.outcomes if o.run]
    if runs:
        values |= report.summary(design.manifest, design.config, runs[0])
        values["cycles_per_second"] = round(
            sum(r.counters["cycles"] for r in runs) / max(seconds, 1e-9)
        )
        rows = report.layer_rows(design.manifest, runs[0].events)
    for row, layer in zip(rows, layers, strict=True):
        row["mismatches"] = sum(
            o.differences[layer["tensor"]].mismatches
            for o in result.outcomes
            if layer["tensor"] in o.differences
        )
    return values | {"layers": rows}


def mismatch_lines(design, result):
    """A line for each of the first mismatching tensors, in the order of the layers, with the tile
    operation that wrote the element.
    """
    layers = {layer["tensor"]: layer["name"] for layer in design.manifest["layers"]}
    lines = []
    for number, outcome in enumerate(result.outcomes):
        for tensor in layers:
            difference = outcome.differences.get(tensor)
            if difference and difference.mismatches and len(lines) < REPORTED:
                lines.append(
                    f"input {number}, layer {layers[tensor]!r}, {difference}{_tile(design, difference)}"
                )
    return lines


def _tile(design, difference):
    found = writer(
        _instructions(design.program),
        design.placements[difference.tensor],
        difference.at,
        design.config.post_lanes,
    )
    return f"; written by {found[1].upper()} number {found[0]}" if found else ""


def _instructions(program):
    at = 0
    while at < len(program):
        instruction, _, values, size = isa.decode(program, at)
        yield instruction.name, values
        at += size
