"""Options that several verbs have, with their help."""

from pathlib import Path
from typing import Annotated

import typer

from hwcnn.limits import MAX_BATCH, MAX_SEED
from hwcnn.preprocess import PRESETS
from hwcnn.tasks import TASKS

ARRAYS = (
    "Arrays of uint8 are pictures (rows x columns x channels, or channels first; several along a "
    "first axis) and are prepared like those, int8 are quantised values, all others real ones."
)
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout, nothing else there.")
]
Model = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL", help="A built-in model's name (see `hwcnn models`) or an ONNX file."
    ),
]
MaybeModel = Annotated[
    str | None, typer.Option("--model", help="A built-in model's name or an ONNX file.")
]
Pe = Annotated[str | None, typer.Option(help="Rows x columns of the array, such as 16x16.")]
Channels = Annotated[
    str | None,
    typer.Option(
        help="Order of the input's channels: RGB, BGR or L (grey); "
        "the default is L for one channel, RGB for three."
    ),
]
Config = Annotated[Path | None, typer.Option(help="TOML file with accelerator parameters.")]
Shape = Annotated[
    list[str] | None,
    typer.Option(
        help="Of an input whose dimensions the model leaves open: images=1,3,320,320; repeatable."
    ),
]
Batch = Annotated[int, typer.Option(min=1, max=MAX_BATCH, help="Images in one run.")]
Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR]", help="A generated folder; the last one if left out."),
]
Seed = Annotated[
    int, typer.Option(min=0, max=MAX_SEED, help="Of random calibration data and inputs.")
]
Preset = Annotated[
    str | None,
    typer.Option(
        help=f"How pictures are prepared (mean, scale, order, size): {', '.join(PRESETS)}; "
        "--mean, --scale and --channels override it."
    ),
]
Calibration = Annotated[
    str, typer.Option(help="How ranges follow from the samples: minmax, percentile, entropy, mse.")
]
BiasCorrection = Annotated[
    bool | None,
    typer.Option(
        help="Take what rounding the weights adds to a layer's mean off its bias; the default is "
        "to do so where --calibrate gives samples."
    ),
]
TaskName = Annotated[
    str | None,
    typer.Option(
        "--task",
        help=f"What the outputs mean: {', '.join(TASKS)}, or a TOML file with one of these as "
        "`task`, and its parameters; built-in networks know theirs. Pictures are drawn into "
        "DIR/results.",
    ),
]
Labels = Annotated[
    Path | None, typer.Option(help="A text file with the name of a class in each line.")
]
