"""From a model to a folder that holds all of its accelerator."""

import difflib
import itertools
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from hwcnn.frontend.model.load import load
from hwcnn.frontend.partition.network import Network, Quantisation, images, partition
from hwcnn.frontend.quantise.calibrate import METHODS
from hwcnn.frontend.quantise.float_to_qdq import is_quantised
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
from .manifest import Manifest, Step, program_files
from .origin import Origin
from .preprocess import Preprocess
from .quality import Loss
from .results import GenerateResult, HostNode, Progress, silent

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
    host: bool = True,
    cut: Sequence[str] = (),
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
    host : leave to the host what the accelerator cannot run; False refuses it.
    cut : names of values of the model; what is behind them runs on the host.
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
        origin = Origin.of(source.argument, source.info is not None, shapes)
        given = preset, mean, scale, channels
        preprocess = preparation.preprocess_of(loaded, source.info, *given)
        progress("quantising")
        guess = None if source.info else preparation.guess_of(preprocess, *given)
        correct = bool(files) if bias_correction is None else bias_correction
        samples = preparation.calibration(
            loaded, source.name, source.info, files, preprocess, guess, seed
        )
        is_float = not is_quantised(loaded)
        how = Quantisation(samples, seed, calibration, correct)
        network = partition(loaded, how, batch, host, cut)
        progress("comparing it with float")
        loss = measure(loaded, network.quantised, samples) if samples and is_float else None
        compiled = [_compile(graph, accelerator, progress) for graph in network.graphs]
        manifest = _manifest(compiled, network, source, batch, seed, preprocess)
        manifest = replace(manifest, origin=origin)
        progress("writing Verilog")
        artifact.write(out, _files(compiled, network, manifest), manifest)
    artifact.remember(out)
    if lacks_vnni():
        warnings.warn(Note(_SATURATES), stacklevel=2)
    seconds = round(time.monotonic() - began, 3)
    return _result(compiled, network, manifest, loss, out, seconds)


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


def _compile(graph: ir.Graph, config: AccelConfig, progress: Progress) -> Compiled:
    progress("compiling")
    compiled = compile_graph(graph, config)
    progress("checking the program")
    _prove(compiled, config)
    return compiled


def _manifest(
    compiled: Sequence[Compiled],
    network: Network,
    source: _Source,
    batch: int,
    seed: int,
    preprocess: Preprocess,
) -> Manifest:
    return Manifest(
        model=source.name,
        batch=max(batch, images(network.quantised)),
        config=compiled[0].manifest.config,
        programs=tuple(c.manifest for c in compiled),
        steps=tuple(_steps(network)),
        outputs=tuple(o.name for o in network.quantised.graph.output),
        built_in=source.info is not None,
        labels=source.info.labels if source.info else (),
        unsigned_inputs=_unsigned_inputs(network.quantised),
        seed=seed,
        hwcnn=__version__,
        preprocess=preprocess,
    )


def _steps(network: Network) -> Iterator[Step]:
    programs, hosts = itertools.count(), itertools.count()
    for part in network.parts:
        outputs = tuple(o.name for o in part.model.graph.output)
        if part.on_host:
            file = f"host_{next(hosts)}.onnx"
            yield Step(True, file, part.inputs, outputs, part.nodes)
        else:
            yield Step(False, program_files(next(programs))[0], part.inputs, outputs)


def _unsigned_inputs(model: onnx.ModelProto) -> tuple[str, ...]:
    unsigned = onnx.TensorProto.UINT8
    return tuple(i.name for i in model.graph.input if i.type.tensor_type.elem_type == unsigned)


def _files(
    compiled: Sequence[Compiled], network: Network, manifest: Manifest
) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        artifact.VERILOG: accelerator_verilog(manifest.config),
        artifact.QUANTIZED: network.quantised.SerializeToString(),
        **driver.files(manifest),
    }
    for number, made in enumerate(compiled):
        program, weights = program_files(number)
        files |= {program: made.program, weights: made.weights.tobytes()}
    for step, part in zip(manifest.steps, network.parts, strict=True):
        if step.on_host:
            files[step.file] = part.model.SerializeToString()
    return files


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
    compiled: Sequence[Compiled],
    network: Network,
    manifest: Manifest,
    loss: Loss | None,
    out: Path,
    seconds: float,
) -> GenerateResult:
    ops = [op for c in compiled for op in c.graph.ops]
    return GenerateResult(
        model=manifest.model,
        pe=manifest.config.pe,
        out=str(out),
        macs=manifest.macs,
        params=sum(map(ir.params, ops)),
        ops=len(ops),
        instructions=sum(c.manifest.instructions["total"] for c in compiled),
        weight_bytes=sum(len(c.weights) for c in compiled),
        program_bytes=sum(len(c.program) for c in compiled),
        dram_bytes=manifest.dram_bytes,
        host_nodes=[HostNode(h.node, h.op, h.reason) for h in network.host],
        host_macs=network.host_macs,
        loss=loss,
        seconds=seconds,
    )
