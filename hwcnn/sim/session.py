"""Runs a design on one of the engines, input after input; compares all tensors with golden's."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwcnn import golden
from hwcnn.limits import READ_LATENCY

from .compare import Difference, compare
from .design import Design
from .engines import isa_engine
from .engines.rtl_engine import RtlRun, RtlSimulator
from .testbench import accelerator

ENGINES = ("rtl", "isa", "golden")
#: int8 [N, C, H, W] by the tensor's name.
Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Options:
    """How to run.

    Parameters
    ----------
    engine : one of ENGINES.
    read_latency : of DRAM, in cycles.
    stalls : seed of random bus stalls, or None.
    waves : .fst or .vcd file to write.
    optimise : the C++ compiler's level for the simulator; -O0 builds fast, for short runs.
    progress : called with what is being done.
    """

    engine: str = "rtl"
    read_latency: int = READ_LATENCY
    stalls: int | None = None
    waves: Path | None = None
    optimise: str = "-O1"
    progress: Callable[[str], object] = lambda text: None


@dataclass(frozen=True)
class Outcome:
    """Of one input.

    tensors : golden's. outputs : what the engine computed of the network's outputs. differences :
    of every tensor that the accelerator computes. run : where the engine is the RTL. seconds : that
    the engine took.
    """

    tensors: Tensors
    outputs: Tensors
    differences: dict[str, Difference] = field(default_factory=dict)
    run: RtlRun | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Result:
    """Of all inputs. build_seconds : until the engine was ready."""

    outcomes: list[Outcome]
    build_seconds: float = 0.0


#: Runs the program on the engine's DRAM image.
_Execute = Callable[[], RtlRun | None]


def simulate(design: Design, inputs: Sequence[Tensors], options: Options) -> Result:
    """Run a design on each of the inputs. Raises RunError where a run does not end as it should."""
    if options.engine == "golden":
        return Result([_run_golden(design, x) for x in inputs])
    outcomes, began = [], time.monotonic()
    with _engine(design, options) as (execute, dram):
        build_seconds = time.monotonic() - began
        for number, x in enumerate(inputs, 1):
            options.progress(f"input {number} of {len(inputs)}: golden")
            tensors = golden.run(design.graph, x)
            design.fill(dram, x)
            options.progress(f"input {number} of {len(inputs)}: {options.engine}")
            began = time.monotonic()
            run = execute()
            seconds = run.seconds if run else time.monotonic() - began
            outputs = {name: design.placements[name].unpack(dram) for name in design.graph.outputs}
            differences = compare(dram, design.computed, tensors)
            outcomes.append(Outcome(tensors, outputs, differences, run, seconds))
    return Result(outcomes, build_seconds)


@contextlib.contextmanager
def _engine(design: Design, options: Options) -> Iterator[tuple[_Execute, np.ndarray]]:
    """How to run the program, and the DRAM image (uint8) that it runs on."""
    size, start = design.manifest.dram_bytes, design.manifest.memory.program.addr
    if options.engine == "isa":
        dram = np.zeros(size, np.uint8)

        def execute() -> None:
            isa_engine.run(design.program, dram, design.config)

        yield execute, dram
        return
    options.progress("building the simulator")
    folder = accelerator.build(design.verilog, options.waves is not None, options.optimise)
    with RtlSimulator(
        folder,
        size,
        read_latency=options.read_latency,
        stalls=options.stalls,
        waves=options.waves,
    ) as simulator:
        budget = design.manifest.cycle_budget
        yield lambda: simulator.run(start, budget=budget), simulator.dram


def _run_golden(design: Design, x: Tensors) -> Outcome:
    began = time.monotonic()
    tensors = golden.run(design.graph, x)
    outputs = {name: tensors[name] for name in design.graph.outputs}
    return Outcome(tensors, outputs, seconds=time.monotonic() - began)
