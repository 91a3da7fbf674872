"""One numbered group for the RTL: a random configuration, built once, that runs several random
networks in one process.
"""

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from hwcnn import cache, golden
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.sim.compare import compare
from hwcnn.sim.engines.rtl_engine import RtlSimulator, SimulationError
from hwcnn.sim.session import Outcome
from hwcnn.sim.testbench import accelerator

from . import configurations, coverage, engines, faults, recipe, stages
from .stages import Failure, Refused

#: Cycles of a program that is simulated, as predicted without stalls: many short runs find more
#: than a few long ones.
LONGEST = 10_000
#: Accelerators of a size that every campaign has, in this order, and how often one of them comes.
LARGE, LARGE_EVERY = (
    ((32, 32), (64, 4), (4, 64), (64, 64), (16, 32), (64, 16), (32, 8), (8, 64)),
    12,
)
#: Sides of all others.
SIDES, SIDE_WEIGHTS = (4, 8, 16), (0.55, 0.35, 0.1)
#: Cycles without progress that are a deadlock; memory answers within 200.
HANG_CYCLES = 40_000
_ATTEMPTS = 60
#: Bytes of DRAM of every process.
SIZE = 1 << 20


def configuration(seed, group):
    """(the group's AccelConfig, its bus: "stalls" (a seed), "read_latency", "write_latency")."""
    rng = np.random.default_rng([seed, 1, group])
    large = (
        LARGE[group // LARGE_EVERY % len(LARGE)] if group % LARGE_EVERY == LARGE_EVERY - 1 else None
    )
    sides = large or tuple(int(rng.choice(SIDES, p=SIDE_WEIGHTS)) for _ in range(2))
    config = configurations.draw(rng, sides, all_features=0.85)
    stalls, reading, writing = (
        rng.integers(1, 1 << 20),
        rng.choice((1, 3, 17, 60, 200)),
        rng.choice((1, 8, 90)),
    )
    return config, {
        "stalls": int(stalls),
        "read_latency": int(reading),
        "write_latency": int(writing),
    }


def drawn(seed, group, attempt):
    """The recipe of a group's network."""
    return recipe.draw(np.random.default_rng([seed, 2, group, attempt]))


@contextlib.contextmanager
def own_cache():
    """Verilog and builds of the block go to a folder that is deleted after it: a configuration is
    not used again.
    """
    with tempfile.TemporaryDirectory(prefix="hwcnn-campaign-") as folder:
        kept = cache.directory
        shared = kept() / "verilator"
        (Path(folder) / "verilator").mkdir()
        for runtime in shared.glob("runtime-*"):
            (Path(folder) / "verilator" / runtime.name).symlink_to(runtime)
        cache.directory = lambda: Path(folder)
        try:
            yield
        finally:
            cache.directory = kept
            for runtime in (Path(folder) / "verilator").glob("runtime-*"):
                if not runtime.is_symlink() and not (shared / runtime.name).exists():
                    shared.mkdir(parents=True, exist_ok=True)
                    shutil.move(runtime, shared / runtime.name)


def run(seed, group, count, keep=False):
    """Results of a group: "case", "runs" (one a network and image), "refusals", what it covered.
    keep : the build is kept.
    """
    began = time.monotonic()
    config, bus = configuration(seed, group)
    result = {
        "case": ["rtl", group],
        "pe": config.pe,
        "configuration": config.to_dict(),
        "configurations": configurations.classes(config),
        "refusals": [],
        "runs": [],
        "stalls": [],
        "queues": [],
        "operations": [],
        "errors": [],
    }
    networks = list(_networks(seed, group, count, config, result))
    with contextlib.nullcontext() if keep else own_cache():
        building = time.monotonic()
        folder = build(config)
        result["build_seconds"] = round(time.monotonic() - building, 1)
        _run_all(folder, bus, networks, group, result)
    return result | {"seconds": round(time.monotonic() - began, 1)}


def build(config):
    """The folder of the simulator. Raises Failure."""
    with stages.stage("verilog"):
        verilog = accelerator_verilog(config)
    with stages.stage("build"):
        return accelerator.build(verilog, optimise="-O0")


def _networks(seed, group, count, config, result):
    """(number, design) of networks that fit the configuration."""
    found = 0
    for attempt in range(_ATTEMPTS):
        try:
            net = engines.from_recipe(drawn(seed, group, attempt))
            design = engines.run_isa(net, config, attempt, LONGEST)
        except engines.TooLong:
            continue
        except Refused as e:
            result["refusals"].append(str(e))
            continue
        except Failure as e:
            result["runs"].append(
                {
                    "network": attempt,
                    "result": "failed",
                    "signature": e.signature,
                    "detail": e.detail,
                }
            )
            continue
        if design.manifest.dram_bytes > SIZE:
            continue
        yield attempt, design
        found += 1
        if found == count:
            return


def _run_all(folder, bus, networks, group, result):
    """Run the networks in one process, with a fault after the first; after a failure, the rest in
    another process.
    """
    rest, made = list(networks), [design for _, design in networks]
    while rest:
        with RtlSimulator(folder, SIZE, hang=HANG_CYCLES, **bus) as simulator:
            while rest:
                number, design = rest.pop(0)
                try:
                    for run_ in images_through(
                        simulator, design, number, 3 if number % 5 == 0 else 1
                    ):
                        _cover(result, design, run_)
                        result["runs"].append(
                            {"network": number, "result": "ok", "cycles": run_.counters["cycles"]}
                        )
                    if design is made[0]:
                        _fault(simulator, made, group, result)
                except Failure as e:
                    result["runs"].append(
                        {
                            "network": number,
                            "result": "failed",
                            "signature": e.signature,
                            "detail": e.detail,
                        }
                    )
                    break


def images_through(simulator, design, seed, count):
    """Run `design` on random images, one after another, and compare all tensors; yields the
    `RtlRun`s. Raises Failure.
    """
    for x in engines.random_inputs(design.graph, seed, count):
        tensors = golden.run(design.graph, x)
        design.fill(simulator.dram, x)
        try:
            run_ = simulator.run(
                design.manifest.memory.program.addr, budget=design.manifest.cycle_budget
            )
        except SimulationError as e:
            raise Failure(f"rtl: {stages.reason(str(e).splitlines()[0])}", str(e)) from e
        written = {
            name: place
            for name, place in design.placements.items()
            if name not in design.graph.inputs
        }
        outcome = Outcome(tensors, {}, compare(simulator.dram, written, tensors), run_)
        engines.compare("rtl", design, [outcome])
        yield run_


def _cover(result, design, run_):
    result["stalls"] = sorted({*result["stalls"], *coverage.stalls(run_.counters)})
    result["queues"] = sorted(
        {*result["queues"], *coverage.queues(design.program, run_.events, design.config)}
    )
    result["operations"] = sorted({*result["operations"], *coverage.operations(design.graph)})


def _fault(simulator, made, group, result):
    """Inject one error into a program that can have it; the accelerator reports it and is reset.
    Raises Failure.
    """
    for shift in range(len(coverage.ERRORS)):
        name = coverage.ERRORS[(group + shift) % len(coverage.ERRORS)]
        broken = next(
            ((d, program) for d in made if (program := faults.program(name, d.program))), None
        )
        if broken is not None:
            faults.run(simulator, name, *broken)
            result["errors"].append(name)
            return
