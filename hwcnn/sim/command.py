"""The verb ``simulate``: from a generated folder and files to figures."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from hwcnn import artifact, golden
from hwcnn import models as built_in
from hwcnn.errors import InputError, unwritable
from hwcnn.golden.run import dequantise
from hwcnn.limits import READ_LATENCY

from . import inputs, report, session
from .design import Design
from .trace import trace

#: Samples of the model itself that are run where no input is given, and the best outputs that are
#: reported.
OWN_SAMPLES, TOP = 1, 5


@dataclass(frozen=True)
class Request:
    """What to simulate. folder : None for the last one. inputs : files or folders; empty for the
    model's own, or noise. layer : one alone.
    waves, trace : files to write. latency, stalls : see simulate.Options. progress : called with
    what is being done.
    """

    folder: Path | None = None
    engine: str = "rtl"
    inputs: tuple = ()
    layer: str | None = None
    waves: Path | None = None
    trace: Path | None = None
    latency: int = READ_LATENCY
    stalls: int | None = None
    seed: int = 0
    progress: object = lambda text: None


def run(request):
    """The figures of ``hwcnn simulate --json``, and lines about mismatches."""
    _check(request)
    generated = artifact.Generated(request.folder or artifact.last())
    design = Design.of(generated)
    labels, batches = _batches(request, generated, design.graph)
    if request.layer is not None:
        request.progress("golden")
        whole = [golden.run(design.graph, x) for x in batches]
        design = design.layer(request.layer)
        batches = [{name: tensors[name] for name in design.graph.inputs} for tensors in whole]
    options = session.Options(
        request.engine,
        request.latency,
        stalls=request.stalls,
        waves=request.waves,
        progress=request.progress,
    )
    result = session.simulate(design, batches, options)
    values = report.figures(design, options, result)
    values["outputs"] = _outputs(design, labels, result)
    if request.trace is not None:
        _write(request.trace, json.dumps(trace(design.manifest, result.outcomes[0].run.events)))
    return values, report.mismatch_lines(design, result)


def _check(request):
    if request.engine not in session.ENGINES:
        raise InputError(f"--engine {request.engine}: expected one of {', '.join(session.ENGINES)}")
    for option, path in (("--waves", request.waves), ("--trace", request.trace)):
        if path is not None and request.engine != "rtl":
            raise InputError(f"{option}: only the rtl engine has cycles")
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(f"{option} {path}: its folder does not exist")
        if path is not None and path.is_dir():
            raise InputError(f"{option} {path}: it is a folder, expected the name of a file")
    if request.waves is not None and request.waves.suffix not in (".fst", ".vcd"):
        raise InputError(f"--waves {request.waves}: expected a name that ends in .fst or .vcd")


def _write(path, text):
    try:
        path.write_text(text)
    except OSError as e:
        raise unwritable(path, e) from e


def _batches(request, generated, graph):
    """(labels of the samples, quantised inputs of each run). The last batch is filled up with its
    last sample.
    """
    shapes = {name: tuple(graph.tensors[name].shape[1:]) for name in graph.inputs}
    labelled = []
    for path in inputs.expand(request.inputs):
        found = inputs.samples(
            path, shapes, generated.manifest.preprocess, unsigned=_unsigned_inputs(generated)
        )
        labelled += [
            (path.name if len(found) == 1 else f"{path.name}[{i}]", sample)
            for i, sample in enumerate(found)
        ]
    batch = generated.manifest.batch
    if not labelled:
        labelled = [
            (f"own sample {i}", s)
            for i, s in enumerate(_own(request, generated, shapes, OWN_SAMPLES * batch))
        ]
    quantised = [
        {name: _quantise(graph, name, value) for name, value in sample.items()}
        for _, sample in labelled
    ]
    quantised += quantised[-1:] * (-len(quantised) % batch)
    batches = [
        {
            name: np.concatenate([sample[name] for sample in quantised[i : i + batch]])
            for name in shapes
        }
        for i in range(0, len(quantised), batch)
    ]
    return [label for label, _ in labelled], batches


def _unsigned_inputs(generated):
    """Names of the inputs that are uint8 in the ONNX model: quantised values, 128 above those of
    the accelerator.
    """
    model = onnx.ModelProto.FromString(generated.quantized)
    return {
        i.name for i in model.graph.input if i.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    }


def _own(request, generated, shapes, count):
    """Samples of a built-in model with one input; noise for any other."""
    name = generated.manifest.model
    if generated.manifest.built_in and len(shapes) == 1:
        return [{next(iter(shapes)): x} for x in built_in.samples(name, count, request.seed)]
    return [inputs.noise(shapes, request.seed + i) for i in range(count)]


def _quantise(graph, name, value):
    return value if value.dtype == np.int8 else golden.quantise_input(graph, name, value)


def _outputs(design, labels, result):
    """For each sample: its name, cycles and mismatches of its run, and the largest values of each
    output.
    """
    rows = []
    batch = design.manifest.batch
    for number, label in enumerate(labels):
        outcome = result.outcomes[number // batch]
        real = (
            golden.host_outputs(design.graph, outcome.outputs)
            if design.graph.host
            else {
                name: dequantise(design.graph, tensor, outcome.outputs[tensor])
                for tensor, (name, _) in zip(
                    design.graph.outputs, design.graph.onnx_outputs, strict=True
                )
            }
        )
        rows.append(
            {
                "input": label,
                "cycles": outcome.run.counters["cycles"] if outcome.run else None,
                "mismatches": sum(d.mismatches for d in outcome.differences.values()),
                "outputs": {
                    name: _largest(value, number % batch, batch, design.manifest.labels)
                    for name, value in real.items()
                },
            }
        )
    return rows


def _largest(value, image, batch, labels):
    """The shape of an output of one image, and its largest elements with their class (name or
    index).
    """
    own = np.split(value, batch)[image] if value.shape[0] % batch == 0 else value
    flat = own.reshape(-1)
    order = np.argsort(-flat, kind="stable")[:TOP]
    named = labels if len(labels) == flat.size else range(flat.size)
    return {
        "shape": list(own.shape),
        "top": [{"index": int(i), "label": str(named[i]), "value": float(flat[i])} for i in order],
    }
