"""From a model to a folder that holds all of its accelerator."""

import difflib
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.calibrate import METHODS
from hwcnn.frontend.quantise.float_to_qdq import is_quantised, quantise
from hwcnn.frontend.quantise.loss import measure
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.scheduler.check import HazardError, check
from hwcnn.scheduler.compile import Compiled, compile_graph
from hwcnn.sim import inputs

from . import __version__, artifact, driver, ir, models, preparation
from .config import AccelConfig
from .cpu import lacks_vnni
from .errors import InputError, Note, RunError, check_choice, check_range
from .limits import MAX_BATCH, MAX_SEED
from .manifest import Manifest
from .preprocess import Preprocess
from .quality import Loss
from .results import GenerateResult, Progress, silent

_SATURATES = (
    "this processor has no VNNI, so onnxruntime's optimised int8 sums saturate: to run "
    "quantized.onnx as the accelerator does, set session.x64quantprecision to 1 in SessionOptions"
)


def generate(
    model: str | Path,
    *,
    pe: str | None = None,
    out: str | Path | None = None,
    config: str | Path | AccelConfig | None = None,
    calibrate: inputs.Paths = (),
    batch: int = 1,
    shapes: Mapping[str, Sequence[int]] | None = None,
    preset: str | None = None,
    calibration: str = "minmax",
    bias_correction: bool | None = None,
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
    calibrate : pictures, .npy or .npz files; the network's own samples, or synthetic pictures, if
    left out.
    batch : images in one run.
    shapes : of inputs with dimensions that the model leaves open, by name. Open batch dimensions
    need none.
    calibration : how ranges follow from the samples: "minmax", "percentile", "entropy" or "mse".
    bias_correction : take what rounding the weights adds to the mean off the biases; where it is
    left out, if `calibrate` gives samples.
    preset : how pictures are prepared, by name (`preprocess.PRESETS`): mean, scale, order of the
    channels, resizing and cropping.
    mean, scale : ``(pixel - mean) * scale`` of pictures, with pixels from 0 to 255: one value, or
    one a channel, before the preset's. Without any of these, `preset` and `channels` they are the
    network's own, or from -1 to 1.
    channels : order of the input's channels, "RGB", "BGR" or "L" (grey).
    seed : of random calibration data.
    progress : told what is being done.

    A folder that exists must be a generated one: files in it that hwcnn did not write stay. Raises
    InputError where an argument or the network is at fault, or another generation into the folder
    is under way, RunError where the run fails; nothing is left behind then.

    Long since every option is described here.
    """
    began = time.monotonic()
    check_choice("calibration", calibration, METHODS)
    files = inputs.expand(calibrate)
    check_range("seed", seed, 0, MAX_SEED)
    check_range("batch", batch, 1, MAX_BATCH)
    source = _Source.of(model)
    accelerator = AccelConfig.load(config, pe)
    out = Path(out or Path("build") / f"{source.name}-{accelerator.pe}")
    with artifact.claimed(out):
        progress("reading the model")
        loaded = load(source.argument, batch, shapes)
        given = preset, mean, scale, channels
        preprocess = preparation.preprocess_of(loaded, source.info, *given)
        progress("quantising")
        guessed = source.info is None and given == (None,) * 4
        correct = bool(files) if bias_correction is None else bias_correction
        samples = preparation.calibration(
            loaded, source.name, source.info, files, preprocess, guessed, seed
        )
        is_float = not is_quantised(loaded)
        quantised = quantise(loaded, samples, seed, calibration, correct)
        progress("comparing it with float")
        loss = measure(loaded, quantised, samples) if samples and is_float else None
        compiled = _compile(quantised, accelerator, batch, progress)
        manifest = _manifest(compiled, source, quantised, seed, preprocess)
        progress("writing Verilog")
        artifact.write(out, _files(compiled, quantised, manifest), manifest)
    artifact.remember(out)
    if lacks_vnni():
        warnings.warn(Note(_SATURATES), stacklevel=2)
    return _result(compiled, manifest, loss, out, round(time.monotonic() - began, 3))


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


def _result(
    compiled: Compiled, manifest: Manifest, loss: Loss | None, out: Path, seconds: float
) -> GenerateResult:
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
        loss=loss,
        seconds=seconds,
    )
