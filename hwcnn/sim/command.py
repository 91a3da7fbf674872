"""The verb ``simulate``: from a generated folder and files to figures."""

import json
from dataclasses import replace
from pathlib import Path

from hwcnn.artifact import Generated, last
from hwcnn.errors import InputError, check_range, unwritable
from hwcnn.limits import MAX_SEED, READ_LATENCY
from hwcnn.results import Closeness, Progress, SampleResult, SimulateResult, silent
from hwcnn.tasks import Task

from . import report, session
from .against_model import against_model
from .answers import sample_results
from .batches import Batch, samples_of
from .design import Design
from .inputs import Paths
from .network import Network, run
from .question import question
from .trace import trace as chrome_trace

#: Cycles from a read of DRAM to its first data, at most.
MAX_LATENCY = 100_000


def simulate(
    folder: str | Path | None = None,
    *,
    engine: str = "rtl",
    inputs: Paths = (),
    layer: str | None = None,
    waves: str | Path | None = None,
    trace: str | Path | None = None,
    latency: int = READ_LATENCY,
    stalls: int | None = None,
    seed: int = 0,
    task: str | Path | Task | None = None,
    labels: str | Path | None = None,
    progress: Progress = silent,
) -> SimulateResult:
    """Run a generated accelerator and compare every tensor with the reference, bit by bit.

    Parameters
    ----------
    folder : a generated one; the last one if left out.
    engine : "rtl", "isa" or "golden".
    inputs : pictures, .npy or .npz files, or folders of pictures; if left out, samples of its own.
    layer : run this layer alone, from the reference's inputs.
    waves, trace : files to write: waves of the RTL (.fst or .vcd), and a Chrome trace (JSON).
    latency : cycles from a read of DRAM to its first data.
    stalls : seed of random stalls on all AXI channels.
    seed : of random inputs.
    task : what the outputs mean, to give an answer for each sample and draw it into the folder's
    `results`: one of `hwcnn.tasks`, its name ("classify", "boxes", "masks", "key-points", "restore"
    or "text"), or a TOML file with the name as `task` and with fields. If left out, a built-in
    network's own, or classification where the only output is a vector.
    labels : text file with the name of a class in each line.
    progress : told what is being done.

    A mismatch raises nothing: see ``mismatches`` of the result. Raises InputError where an argument
    or an input is at fault, RunError where the run fails.
    """
    _check(engine, latency, stalls, seed)
    waves, trace = _waves(waves, engine), _output("trace", trace, engine)
    generated = Generated(folder or last())
    network = Network.of(generated)
    asked = question(generated, network.inputs, network.outputs, task, labels)
    sources, batches = samples_of(network.manifest, network.inputs, inputs, seed)
    network.check(batches)
    options = session.Options(engine, latency, stalls=stalls, waves=waves, progress=progress)
    if layer is not None:
        progress("golden")
        alone, operands = _alone(network, layer, batches)
        parts = [(alone, session.simulate(alone, operands, options))]
        answers, close = list[SampleResult](), dict[str, Closeness]()
    else:
        asked.prepare()
        parts, values = run(network, batches, options)
        answers = sample_results(network, asked, sources, batches, parts, values)
        progress("comparing with float")
        close = against_model(network.manifest, values)
    if trace is not None:
        _write_trace(trace, parts)
    found = [report.figures(d, options, r, answers) for d, r in parts]
    return replace(report.merged(found), against_float=close)


def _check(engine: str, latency: int, stalls: int | None, seed: int) -> None:
    if engine not in session.ENGINES:
        raise InputError(f"expected one of {', '.join(session.ENGINES)}", "engine", engine)
    check_range("latency", latency, 1, MAX_LATENCY)
    check_range("seed", seed, 0, MAX_SEED)
    if stalls is not None:
        check_range("stalls", stalls, 0, MAX_SEED)


def _waves(path: str | Path | None, engine: str) -> Path | None:
    """As `_output`, of a format that waves have."""
    waves = _output("waves", path, engine)
    if waves is not None and waves.suffix not in (".fst", ".vcd"):
        raise InputError("expected a name that ends in .fst or .vcd", "waves", waves)
    return waves


def _output(parameter: str, path: str | Path | None, engine: str) -> Path | None:
    """A file to write, which must be one that can be."""
    if path is None:
        return None
    path = Path(path)
    if engine != "rtl":
        raise InputError("only the rtl engine has cycles", parameter)
    if not path.absolute().parent.is_dir():
        raise InputError("its folder does not exist", parameter, path)
    if path.is_dir():
        raise InputError("it is a folder, expected the name of a file", parameter, path)
    return path


def _alone(network: Network, layer: str, batches: list[Batch]) -> tuple[Design, list[Batch]]:
    """One layer, and its inputs in the reference's run of the whole network."""
    graphs = [design.graph for design in network.designs]
    number = next((i for i, g in enumerate(graphs) if any(op.name == layer for op in g.ops)), 0)
    alone = network.designs[number].layer(layer)
    _, result = run(network, batches, session.Options("golden"))[0][number]
    names = alone.graph.inputs
    return alone, [{name: o.tensors[name] for name in names} for o in result.outcomes]


def _write_trace(path: Path, parts: list[tuple[Design, session.Result]]) -> None:
    """The first run of each program, one after another."""
    events: list[object] = []
    for number, (design, result) in enumerate(parts):
        first = result.outcomes[0].run
        assert first is not None  # the engine is the RTL
        events += chrome_trace(design.manifest, first.events, number)["traceEvents"]
    try:
        path.write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ns"}))
    except OSError as e:
        raise unwritable(path, e) from e
