"""The command line: ``hwcnn generate | simulate | estimate | models | ops | devices``."""

import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import hwcnn
from hwcnn.errors import Note
from hwcnn.limits import MAX_SEED, READ_LATENCY

from . import lists, show, tables
from .arguments import numbers, one_model, shapes, spread
from .failure import TRACEBACK, failure
from .options import (
    ARRAYS,
    Batch,
    BiasCorrection,
    Calibration,
    Channels,
    Config,
    Folder,
    Json,
    Labels,
    MaybeModel,
    Model,
    Pe,
    Preset,
    Seed,
    Shape,
    TaskName,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Convolutional networks in ONNX to bit-exact FPGA accelerators.",
)
estimates = typer.Typer(no_args_is_help=True, help="Resources and speed without simulating.")
app.add_typer(estimates, name="estimate")


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"hwcnn {hwcnn.__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit."),
    ] = False,
) -> None:
    pass


@app.command()
def generate(
    argument: Model = None,
    model: MaybeModel = None,
    pe: Pe = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default build/MODEL-PE.")] = None,
    config: Config = None,
    calibrate: Annotated[
        list[Path] | None, typer.Option(help=f"Pictures, .npy or .npz files. {ARRAYS}")
    ] = None,
    batch: Batch = 1,
    shape: Shape = None,
    seed: Seed = 0,
    calibration: Calibration = "minmax",
    bias_correction: BiasCorrection = None,
    preset: Preset = None,
    mean: Annotated[
        str | None,
        typer.Option(
            help="Subtracted from pixels 0..255: one value, or one a channel, with commas."
        ),
    ] = None,
    scale: Annotated[str | None, typer.Option(help="Multiplies what is left: likewise.")] = None,
    channels: Channels = None,
    no_host: Annotated[
        bool,
        typer.Option("--no-host", help="Refuse what the accelerator cannot run."),
    ] = False,
    cut: Annotated[
        list[str] | None,
        typer.Option(help="Name of a value: what is behind it runs on the host. Repeatable."),
    ] = None,
    json_: Json = False,
) -> None:
    """Turn a model into an accelerator: Verilog, program, weights, drivers, manifest."""
    with show.progress(json_) as progress:
        made = hwcnn.generate(
            one_model(argument, model),
            pe=pe,
            out=out,
            config=config,
            calibrate=calibrate or (),
            batch=batch,
            shapes=shapes(shape),
            calibration=calibration,
            bias_correction=bias_correction,
            preset=preset,
            mean=numbers("mean", mean),
            scale=numbers("scale", scale),
            channels=channels,
            host=not no_host,
            cut=cut or (),
            seed=seed,
            progress=progress,
        )
    show.result(json_, made.to_dict(), tables.generated(made))


@app.command()
def simulate(
    folder: Folder = None,
    engine: Annotated[str, typer.Option(help="rtl, isa or golden.")] = "rtl",
    input_: Annotated[
        list[Path] | None,
        typer.Option(
            "--input", help=f"Pictures, .npy or .npz files, or folders of pictures. {ARRAYS}"
        ),
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Run this layer alone, from golden's inputs.")
    ] = None,
    waves: Annotated[
        Path | None, typer.Option(help="Write waves of the RTL to this .fst or .vcd file.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write a Perfetto (Chrome) trace to this JSON file.")
    ] = None,
    latency: Annotated[
        int, typer.Option(min=1, max=100_000, help="Cycles from a read of DRAM to its first data.")
    ] = READ_LATENCY,
    stalls: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_SEED,
            help="Seed of random stalls on all AXI channels, and of answers out of order.",
        ),
    ] = None,
    seed: Seed = 0,
    task: TaskName = None,
    labels: Labels = None,
    json_: Json = False,
) -> None:
    """Run a generated accelerator and compare every tensor with the reference, bit by bit."""
    with show.progress(json_) as progress:
        found = hwcnn.simulate(
            folder,
            engine=engine,
            inputs=input_ or (),
            layer=layer,
            waves=waves,
            trace=trace,
            latency=latency,
            stalls=stalls,
            seed=seed,
            task=task,
            labels=labels,
            progress=progress,
        )
    show.result(json_, found.to_dict(), tables.simulated(found))
    for line in found.mismatch_lines:
        show.stderr.print(line, style="red", highlight=False, soft_wrap=True, markup=False)
    if found.mismatches:
        raise typer.Exit(1)


@estimates.command()
def resources(
    folder: Folder = None,
    pe: Annotated[
        str | None,
        typer.Option(help="Rows x columns, such as 16x16; auto: the largest array that fits."),
    ] = None,
    config: Config = None,
    device: Annotated[str | None, typer.Option(help="See `hwcnn devices`.")] = None,
    synth: Annotated[
        bool, typer.Option("--synth", help="Synthesise with Yosys (about a minute).")
    ] = False,
    pnr: Annotated[
        bool, typer.Option("--pnr", help="Place and route with nextpnr too (ECP5).")
    ] = False,
    json_: Json = False,
) -> None:
    """Logic, multipliers and memories on a device, by component."""
    with show.progress(json_) as progress:
        found = hwcnn.estimate_resources(
            folder, pe=pe, config=config, device=device, synth=synth, pnr=pnr, progress=progress
        )
    show.result(json_, found.to_dict(), tables.resources(found))


@estimates.command()
def performance(
    folder: Folder = None,
    model: MaybeModel = None,
    pe: Pe = None,
    config: Config = None,
    batch: Batch = 1,
    shape: Shape = None,
    json_: Json = False,
) -> None:
    """Cycles, utilisation and traffic, by a replay of the program."""
    with show.progress(json_) as progress:
        found = hwcnn.estimate_performance(
            folder,
            model=model,
            pe=pe,
            config=config,
            batch=batch,
            shapes=shapes(shape),
            progress=progress,
        )
    show.result(json_, found.to_dict(), tables.performance(found))


@app.command()
def models(json_: Json = False) -> None:
    """The built-in networks, by task."""
    values = lists.models()
    show.result(json_, values, tables.models(values["models"]))


@app.command()
def ops(json_: Json = False) -> None:
    """The ONNX operators that are supported, with their limits."""
    values = lists.operators()
    show.result(json_, values, [tables.table(values["ops"])])


@app.command()
def devices(json_: Json = False) -> None:
    """The FPGAs that are known by name."""
    values = lists.devices()
    show.result(json_, values, [tables.table(values["devices"])])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 if all is well, 1 for a mismatch, 2 for bad input, 3 where
    the run itself failed.

    2 and 3 come with one line on stderr that says why, never with a traceback, unless
    HWCNN_TRACEBACK is set.
    """
    logging.getLogger().setLevel(logging.ERROR)
    notes = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", Note)
            warnings.showwarning = lambda message, *_, **__: notes.append(str(message))
            code = (
                app(spread(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
                or 0
            )
        sys.stdout.flush()
        sys.stderr.writelines(f"hwcnn: note: {note}\n" for note in notes)
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except (BrokenPipeError, SystemExit):  # click makes the latter of the former
        code = 128 + signal.SIGPIPE
    except Exception as e:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        code, text = failure(e)
        lines = (" ".join(line.split()) for line in text.splitlines())
        sys.stderr.write(f"hwcnn: {'; '.join(filter(None, lines))}\n")
    try:
        sys.stdout.flush()
    except OSError:
        # what is left goes nowhere, or Python complains at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
