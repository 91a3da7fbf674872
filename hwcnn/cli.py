"""The command line: ``hwcnn generate | simulate | estimate | models | ops | devices``."""

import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import views
from .config import AccelConfig
from .errors import InputError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Convolutional networks in ONNX to bit-exact FPGA accelerators.")
estimates = typer.Typer(no_args_is_help=True, help="Resources and speed without simulating.")
app.add_typer(estimates, name="estimate")
_stdout, _stderr = Console(), Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, nothing else there.")]
Model = Annotated[str, typer.Option(help="A built-in model's name (see `hwcnn models`) or an ONNX file.")]
MaybeModel = Annotated[str | None, typer.Option("--model", help="A built-in model's name or an ONNX file.")]
Pe = Annotated[str | None, typer.Option(help="Rows x columns of the array, such as 16x16.")]
Config = Annotated[Path | None, typer.Option(help="TOML file with accelerator parameters.")]
Batch = Annotated[int, typer.Option(help="Images in one run.")]
Folder = Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A generated folder; the last one if left out.")]
Seed = Annotated[int, typer.Option(help="Of random calibration data and inputs.")]


@contextlib.contextmanager
def _progress(quiet=False):
    """A function that shows what is being done on stderr."""
    if not _stderr.is_terminal or quiet:
        yield lambda text: None
        return
    with _stderr.status("") as status:
        yield status.update


def _show(as_json, values, table):
    if as_json:
        sys.stdout.write(json.dumps(values) + "\n")
    else:
        for part in table:
            _stdout.print(part, highlight=False)


@app.command()
def generate(model: Model, pe: Pe = None, out: Annotated[Path | None, typer.Option(help="Folder; default build/MODEL-PE.")] = None,
             config: Config = None, calibrate: Annotated[list[Path] | None, typer.Option(help="Pictures, .npy or .npz files.")] = None,
             batch: Batch = 1, seed: Seed = 0,
             mean: Annotated[str | None, typer.Option(help="Subtracted from pixels 0..255: one value, or one a channel, with commas.")] = None,
             scale: Annotated[str | None, typer.Option(help="Multiplies what is left: likewise.")] = None,
             channels: Annotated[str | None, typer.Option(help="Order of a picture's channels: RGB, BGR or L (grey).")] = None,
             json_: Json = False):
    """Turn a model into an accelerator: Verilog, program, weights, drivers, manifest."""
    from . import generate as g
    accelerator = AccelConfig.load(config, pe)
    name = Path(model).stem if Path(model).is_file() else model
    request = dict(model=model, config=accelerator, out=out or Path("build") / f"{name}-{accelerator.pe}", batch=batch,
                   calibrate=tuple(calibrate or ()), preprocess=views.preprocess(model, mean, scale, channels), seed=seed)
    with _progress(json_) as progress:
        values = g.generate(g.Request(**request, progress=progress))
    _show(json_, values, views.generated(values))


@app.command()
def simulate(folder: Folder = None, engine: Annotated[str, typer.Option(help="rtl, isa or golden.")] = "rtl",
             input_: Annotated[list[Path] | None, typer.Option("--input", help="Pictures, .npy or .npz files, or folders of them.")] = None,
             layer: Annotated[str | None, typer.Option(help="Run this layer alone, from golden's inputs.")] = None,
             waves: Annotated[Path | None, typer.Option(help="Write waves of the RTL to this .fst or .vcd file.")] = None,
             trace: Annotated[Path | None, typer.Option(help="Write a Perfetto (Chrome) trace to this JSON file.")] = None,
             latency: Annotated[int, typer.Option(min=1, help="Cycles from a read of DRAM to its first data.")] = 32,
             stalls: Annotated[int | None, typer.Option(help="Seed of random stalls on all AXI channels.")] = None,
             seed: Seed = 0, json_: Json = False):
    """Run a generated accelerator and compare every tensor with the reference, bit by bit."""
    from . import simulation
    with _progress(json_) as progress:
        values, lines = simulation.run(simulation.Request(
            folder=folder, engine=engine, inputs=tuple(input_ or ()), layer=layer, waves=waves, trace=trace, latency=latency,
            stalls=stalls, seed=seed, progress=progress))
    _show(json_, values, views.simulated(values))
    for line in lines:
        _stderr.print(line, style="red", highlight=False, soft_wrap=True, markup=False)
    if values["mismatches"]:
        raise typer.Exit(1)


@estimates.command()
def resources(folder: Folder = None,
              pe: Annotated[str | None, typer.Option(help="Rows x columns, such as 16x16; auto: the largest array that fits.")] = None,
              config: Config = None,
              device: Annotated[str | None, typer.Option(help="See `hwcnn devices`.")] = None,
              synth: Annotated[bool, typer.Option("--synth", help="Synthesise with Yosys (about a minute).")] = False,
              pnr: Annotated[bool, typer.Option("--pnr", help="Place and route with nextpnr too (ECP5).")] = False, json_: Json = False):
    """Logic, multipliers and memories on a device, by component."""
    from .estimate import command
    with _progress(json_) as progress:
        values = command.resources(folder, pe, config, device, synth, pnr, progress)
    _show(json_, values, views.resources(values))


@estimates.command()
def performance(folder: Folder = None, model: MaybeModel = None, pe: Pe = None, config: Config = None, batch: Batch = 1,
                json_: Json = False):
    """Cycles, utilisation and traffic, by a replay of the program."""
    from .estimate import command
    with _progress(json_) as progress:
        values = command.performance(folder, model, pe, config, batch, progress)
    _show(json_, values, views.performance(values))


@app.command()
def models(json_: Json = False):
    """The built-in networks."""
    values = views.model_list()
    _show(json_, values, [views.table(values["models"])])


@app.command()
def ops(json_: Json = False):
    """The ONNX operators that are supported, with their limits."""
    values = views.operator_list()
    _show(json_, values, [views.table(values["ops"])])


@app.command()
def devices(json_: Json = False):
    """The FPGAs that are known by name."""
    values = views.device_list()
    _show(json_, values, [views.table(values["devices"])])


def spread(arguments):
    """``--input a b c`` as ``--input a --input b --input c``, for the options that take files."""
    result, option = [], None
    for word in arguments:
        if word.startswith("-"):
            option = word if word in ("--input", "--calibrate") else None
            fresh = option is not None
            result.append(word)
        elif option and not fresh and not (Path(word) / "manifest.json").exists():
            result += [option, word]
        else:
            fresh = False
            result.append(word)
    return result


def main(arguments=None):
    """Run the command line; the exit code is 2, with one line on stderr, for bad input."""
    logging.getLogger().setLevel(logging.ERROR)
    try:
        code = app(spread(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except InputError as e:
        _fail(e)
    except typer.Abort:
        sys.exit(130)
    except Exception as e:
        if not hasattr(e, "format_message"):
            raise
        _fail(e.format_message())
    sys.exit(code or 0)


def _fail(message):
    sys.stderr.write(f"hwcnn: {' '.join(str(message).split())}\n")
    sys.exit(2)
