"""From a model to a folder that holds all of its accelerator."""

import difflib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.scheduler.check import HazardError, check
from hwcnn.scheduler.compile import Compiled, compile_graph
from hwcnn.sim import inputs

from . import __version__, artifact, driver, ir, models
from .config import AccelConfig
from .errors import InputError, RunError, check_range
from .limits import MAX_BATCH, MAX_SEED
from .manifest import Manifest
from .preprocess import ORDERS, Preprocess
from .results import GenerateResult, Progress, silent

#: Calibration samples of a built-in network.
CALIBRATION_SAMPLES = 8


def generate(
    model: str | Path,
    *,
    pe: str | None = None,
    out: str | Path | None = None,
    config: str | Path | AccelConfig | None = None,
    calibrate: inputs.Paths = (),
    batch: int = 1,
    shapes: Mapping[str, Sequence[int]] | None = None,
    mean: float | Sequence[float] | None = None,
    scale: float | Sequence[float] | None = None,
    channels: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> GenerateResult:
    """Turn a network into a folder with its accelerator: Verilog, program, weights, drivers,
    manifest.

    Parameters
    ----------
    model : name of a built-in network, or path of an ONNX file.
    pe : "ROWSxCOLS" of the array, over what `config` says.
    out : the folder; build/MODEL-PE if left out.
    config : TOML file, or the configuration itself.
    calibrate : pictures, .npy or .npz files; the network's own samples, or noise, if left out.
    batch : images in one run.
    shapes : of inputs with dimensions that the model leaves open, by name. Open batch dimensions
    need none.
    mean, scale : ``(pixel - mean) * scale`` of pictures, with pixels from 0 to 255: one value, or
    one a channel. Without any of these and `channels` they are the network's own, or from -1 to 1.
    channels : order of the input's channels, "RGB", "BGR" or "L" (grey).
    seed : of random calibration data.
    progress : told what is being done.

    A folder that exists must be a generated one: files in it that hwcnn did not write stay. Raises
    InputError where an argument or the network is at fault, or another generation into the folder
    is under way, RunError where the run fails; nothing is left behind then.
    """
    began = time.monotonic()
    check_range("seed", seed, 0, MAX_SEED)
    check_range("batch", batch, 1, MAX_BATCH)
    source = _Source.of(model)
    accelerator = AccelConfig.load(config, pe)
    out = Path(out or Path("build") / f"{source.name}-{accelerator.pe}")
    with artifact.claimed(out):
        progress("reading the model")
        loaded = load(source.argument, batch, shapes)
        preprocess = _preprocess(source, loaded, mean, scale, channels)
        progress("quantising")
        samples = _calibration(source, loaded, calibrate, preprocess, seed)
        quantised = quantise(loaded, samples, seed)
        compiled = _compile(quantised, accelerator, batch, progress)
        manifest = _manifest(compiled, source, quantised, seed, preprocess)
        progress("writing Verilog")
        artifact.write(out, _files(compiled, quantised, manifest), manifest)
    artifact.remember(out)
    return _result(compiled, manifest, out, round(time.monotonic() - began, 3))


@dataclass(frozen=True)
class _Source:
    """Where the network comes from. argument : path or built-in name. name : of the network. info :
    of a built-in one.
    """

    argument: str
    name: str
    info: models.ModelInfo | None

    @classmethod
    def of(cls, model: str | Path) -> "_Source":
        """InputError, with the nearest names, for what is neither a file nor built in."""
        path, name = Path(model), str(model)
        if path.is_file():
            return cls(name, path.stem, None)
        if name in models.names():
            return cls(name, name, models.info(name))
        if path.exists() or path.suffix == ".onnx":
            return cls(name, name, None)  # `load` says what is wrong with it
        near = difflib.get_close_matches(name, models.names(), 3, 0.5)
        hint = (
            f"did you mean {' or '.join(near)}?"
            if near
            else "`hwcnn models` lists the built-in ones"
        )
        raise InputError(f"neither a file nor a built-in model; {hint}", "model", name)


def _compile(
    quantised: onnx.ModelProto, config: AccelConfig, batch: int, progress: Progress
) -> Compiled:
    graph = import_graph(quantised, batch)
    progress("compiling")
    compiled = compile_graph(graph, config)
    progress("checking the program")
    _prove(compiled, config)
    return compiled


def _manifest(
    compiled: Compiled,
    source: _Source,
    quantised: onnx.ModelProto,
    seed: int,
    preprocess: Preprocess,
) -> Manifest:
    return replace(
        compiled.manifest,
        model=source.name,
        built_in=source.info is not None,
        labels=source.info.labels if source.info else (),
        unsigned_inputs=_unsigned_inputs(quantised),
        seed=seed,
        hwcnn=__version__,
        preprocess=preprocess,
    )


def _unsigned_inputs(model: onnx.ModelProto) -> tuple[str, ...]:
    unsigned = onnx.TensorProto.UINT8
    return tuple(i.name for i in model.graph.input if i.type.tensor_type.elem_type == unsigned)


def _files(
    compiled: Compiled, quantised: onnx.ModelProto, manifest: Manifest
) -> dict[str, str | bytes]:
    return {
        "accelerator.v": accelerator_verilog(manifest.config),
        "program.bin": compiled.program,
        "weights.bin": compiled.weights.tobytes(),
        "quantized.onnx": quantised.SerializeToString(),
        **driver.files(manifest),
    }


def _prove(compiled: Compiled, config: AccelConfig) -> None:
    """Raise RunError where a program could read too early, overwrite too early or stop for ever
    under some timing.
    """
    try:
        check(compiled.program, config, compiled.manifest.dram_bytes)
    except HazardError as e:
        raise RunError(
            f"the compiler made a program that could go wrong, so nothing was written: {e}; this "
            "is a defect of hwcnn: report it with the model; another configuration may do"
        ) from e


def _result(compiled: Compiled, manifest: Manifest, out: Path, seconds: float) -> GenerateResult:
    return GenerateResult(
        model=manifest.model,
        pe=manifest.config.pe,
        out=str(out),
        macs=manifest.macs,
        params=sum(map(ir.params, compiled.graph.ops)),
        ops=len(compiled.graph.ops),
        instructions=manifest.instructions["total"],
        weight_bytes=len(compiled.weights),
        program_bytes=len(compiled.program),
        dram_bytes=manifest.dram_bytes,
        host=[f"{op.name} ({op.op})" for op in manifest.host],
        seconds=seconds,
    )


def _calibration(
    source: _Source,
    model: onnx.ModelProto,
    files: inputs.Paths,
    preprocess: Preprocess,
    seed: int,
) -> list[dict[str, np.ndarray]] | None:
    """The samples to quantise with, float32 by the input's name, or None for noise."""
    shapes = {
        i.name: tuple(d.dim_value for d in i.type.tensor_type.shape.dim)[1:]
        for i in model.graph.input
    }
    if paths := inputs.expand(files):
        return [
            sample
            for path in paths
            for sample in inputs.samples(path, shapes, preprocess, quantised=False)
        ]
    if source.info is not None:
        return models.feeds(source.name, shapes, CALIBRATION_SAMPLES, seed)
    return None


def _preprocess(
    source: _Source,
    model: onnx.ModelProto,
    mean: float | Sequence[float] | None,
    scale: float | Sequence[float] | None,
    order: str | None,
) -> Preprocess:
    """Of pictures: a built-in network's own, or the default; where mean, scale or order are given,
    the others are plain pixels.
    """
    channels = {d.dim_value for i in model.graph.input for d in i.type.tensor_type.shape.dim[1:2]}
    fitting = "L" if channels == {1} else "RGB"
    if mean is None and scale is None and order is None:
        return source.info.preprocess if source.info else Preprocess(order=fitting)
    if order is not None and order not in ORDERS:
        raise InputError(f"expected one of {', '.join(ORDERS)}", "channels", order)
    given = Preprocess(_a_channel(mean, 0.0), _a_channel(scale, 1.0), order or fitting)
    if {given.channels} != channels:
        raise InputError(
            f"preprocessing: pictures in order {given.order} have {given.channels} channels, "
            f"the network takes {' and '.join(map(str, sorted(channels)))}"
        )
    return given


def _a_channel(values: float | Sequence[float] | None, default: float) -> tuple[float, ...]:
    if values is None:
        return (default,)
    return tuple(map(float, values if isinstance(values, Sequence) else (values,)))
