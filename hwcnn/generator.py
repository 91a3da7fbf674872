"""From a model to a folder that holds all of its accelerator."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.scheduler.check import HazardError, check
from hwcnn.scheduler.compile import compile_graph
from hwcnn.sim import inputs

from . import __version__, artifact, driver, ir, models
from .config import AccelConfig
from .errors import InputError, RunError
from .preprocess import Preprocess

#: Calibration samples of a built-in network.
CALIBRATION_SAMPLES = 8


@dataclass(frozen=True)
class Request:
    """What to generate. model : built-in name or path. calibrate : files; empty for the model's own
    samples, or noise.
    preprocess : of pictures, what differs from the model's own: some of mean, scale, order.
    progress : called with what is being done.
    """

    model: str
    config: AccelConfig
    out: Path
    batch: int = 1
    calibrate: tuple = ()
    preprocess: dict = field(default_factory=dict)
    seed: int = 0
    progress: object = lambda text: None


def generate(request):
    """Write the folder; returns the figures of ``hwcnn generate --json``. Raises InputError or
    RunError, leaving nothing behind.
    """
    began = time.monotonic()
    artifact.check_out(request.out)
    request.progress("reading the model")
    model = load(request.model, request.batch)
    preprocess = _preprocess(request, model)
    request.progress("quantising")
    quantised = quantise(model, _calibration(request, model, preprocess), request.seed)
    graph = import_graph(quantised, request.batch)
    request.progress("compiling")
    compiled = compile_graph(graph, request.config)
    request.progress("checking the program")
    _prove(compiled, request.config)
    manifest = replace(
        compiled.manifest,
        model=Path(request.model).stem if Path(request.model).is_file() else request.model,
        built_in=_built_in(request.model),
        labels=_labels(request.model),
        seed=request.seed,
        hwcnn=__version__,
        preprocess=preprocess,
    )
    request.progress("writing Verilog")
    verilog = accelerator_verilog(request.config)
    artifact.write(
        request.out,
        {
            "accelerator.v": verilog,
            "program.bin": compiled.program,
            "weights.bin": compiled.weights.tobytes(),
            "quantized.onnx": quantised.SerializeToString(),
            **driver.files(manifest),
        },
        manifest,
    )
    artifact.remember(request.out)
    return _figures(request, manifest, compiled) | {"seconds": round(time.monotonic() - began, 3)}


def _prove(compiled, config):
    """Raise RunError where a program could read too early, overwrite too early or stop for ever
    under some timing.
    """
    try:
        check(compiled.program, config, compiled.manifest.dram_bytes)
    except HazardError as e:
        raise RunError(
            f"the compiler made a program that could go wrong, so nothing was written: {e}; this is a defect of hwcnn: "
            f"report it with the model; another configuration may do"
        ) from e


def _figures(request, manifest, compiled):
    convs = [
        op
        for op in compiled.graph.ops
        if isinstance(op, ir.Conv | ir.ConvTranspose) and not op.moves
    ]
    return {
        "model": manifest.model,
        "pe": request.config.pe,
        "out": str(request.out),
        "macs": manifest.macs,
        "params": sum(op.weight.size + op.bias.size for op in convs),
        "ops": len(compiled.graph.ops),
        "instructions": manifest.instructions["total"],
        "weight_bytes": len(compiled.weights),
        "program_bytes": len(compiled.program),
        "dram_bytes": manifest.dram_bytes,
        "host": [f"{op.name} ({op.op})" for op in manifest.host],
    }


def _calibration(request, model, preprocess):
    """The samples to quantise with, or None for noise."""
    shapes = {
        i.name: tuple(d.dim_value for d in i.type.tensor_type.shape.dim)[1:]
        for i in model.graph.input
    }
    if request.calibrate:
        return [
            sample
            for path in inputs.expand(request.calibrate)
            for sample in inputs.samples(path, shapes, preprocess, quantised=False)
        ]
    if _built_in(request.model):
        name = model.graph.input[0].name
        return [
            {name: sample}
            for sample in models.samples(request.model, CALIBRATION_SAMPLES, request.seed)
        ]
    return None


def _built_in(model):
    return not Path(model).is_file() and model in models.names()


def _preprocess(request, model):
    """Of pictures: a built-in network's own, or the default; where mean, scale or order are given,
    the others are plain pixels.
    """
    channels = {d.dim_value for i in model.graph.input for d in i.type.tensor_type.shape.dim[1:2]}
    order = "L" if channels == {1} else "RGB"
    if request.preprocess:
        given = Preprocess(**{"mean": (0,), "scale": (1,), "order": order} | request.preprocess)
        if {given.channels} != channels:
            raise InputError(
                f"preprocessing: pictures in order {given.order} have {given.channels} channels, "
                f"the network takes {' and '.join(map(str, sorted(channels)))}"
            )
        return given
    if not _built_in(request.model):
        return Preprocess(order=order)
    return models.info(request.model).preprocess


def _labels(model):
    return models.info(model).labels if _built_in(model) else ()
