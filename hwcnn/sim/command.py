"""The verb ``simulate``: from a generated folder and files to figures."""

import json
from dataclasses import replace
from pathlib import Path

from hwcnn import golden
from hwcnn.artifact import Generated, last
from hwcnn.errors import InputError, check_range, unwritable
from hwcnn.limits import MAX_SEED, READ_LATENCY
from hwcnn.manifest import Manifest
from hwcnn.results import Progress, SimulateResult, silent

from . import report, session
from .answers import sample_results
from .batches import Batch, samples_of
from .design import Design
from .inputs import Paths
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
    task: str | Path | None = None,
    labels: str | Path | None = None,
    progress: Progress = silent,
) -> SimulateResult:
    """Run a generated accelerator and compare every tensor with the reference, bit by bit.

    Parameters
    ----------
    folder : a generated one; the last one if left out.
    engine : "rtl", "isa" or "golden".
    inputs : pictures, .npy or .npz files, or folders of pictures; the network's own samples, or
    noise, if left out.
    layer : run this layer alone, from the reference's inputs.
    waves, trace : files to write: waves of the RTL (.fst or .vcd), and a Chrome trace (JSON).
    latency : cycles from a read of DRAM to its first data.
    stalls : seed of random stalls on all AXI channels.
    seed : of random inputs.
    task : what the outputs mean, to give an answer for each sample and draw it into the folder's
    `results`: "classify", "boxes", "masks", "key-points", "restore" or "text", or a TOML file with
    that name as `task` and fields of its class in `hwcnn.tasks`. If left out, a built-in network's
    own, or classification where the only output is a vector.
    labels : text file with the name of a class in each line.
    progress : told what is being done.

    A mismatch raises nothing: see ``mismatches`` of the result. Raises InputError where an argument
    or an input is at fault, RunError where the run fails.
    """
    _check(engine, latency, stalls, seed)
    waves, trace = _output("waves", waves, engine), _output("trace", trace, engine)
    if waves is not None and waves.suffix not in (".fst", ".vcd"):
        raise InputError("expected a name that ends in .fst or .vcd", "waves", waves)
    generated = Generated(folder or last())
    design = Design.of(generated)
    shapes = [design.graph.tensors[name].shape[1:] for name in design.graph.inputs]
    outputs = dict(design.graph.onnx_outputs)
    asked = question(generated.manifest, shapes, outputs, generated.path, task, labels)
    sources, batches = samples_of(generated, design.graph, inputs, seed)
    if layer is not None:
        asked = replace(asked, task=None)
        progress("golden")
        design, batches = _alone(design, layer, batches)
    asked.prepare()
    options = session.Options(engine, latency, stalls=stalls, waves=waves, progress=progress)
    result = session.simulate(design, batches, options)
    if trace is not None:
        _write_trace(trace, design.manifest, result)
    answers = sample_results(design, asked, sources, batches, result)
    return report.figures(design, options, result, answers)


def _check(engine: str, latency: int, stalls: int | None, seed: int) -> None:
    if engine not in session.ENGINES:
        raise InputError(f"expected one of {', '.join(session.ENGINES)}", "engine", engine)
    check_range("latency", latency, 1, MAX_LATENCY)
    check_range("seed", seed, 0, MAX_SEED)
    if stalls is not None:
        check_range("stalls", stalls, 0, MAX_SEED)


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


def _alone(design: Design, layer: str, batches: list[Batch]) -> tuple[Design, list[Batch]]:
    """One layer, and its inputs in the reference's run of the whole network."""
    alone = design.layer(layer)
    whole = [golden.run(design.graph, batch) for batch in batches]
    return alone, [{name: tensors[name] for name in alone.graph.inputs} for tensors in whole]


def _write_trace(path: Path, manifest: Manifest, result: session.Result) -> None:
    run = result.outcomes[0].run
    assert run is not None  # the engine is the RTL
    try:
        path.write_text(json.dumps(chrome_trace(manifest, run.events)))
    except OSError as e:
        raise unwritable(path, e) from e
