"""What `generate` measures ranges with: how pictures are prepared, which samples there are, and
what is said of both.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from hwcnn.frontend.quantise.float_to_qdq import is_quantised
from hwcnn.sim import inputs

from . import models
from .errors import InputError, Note
from .preprocess import ORDERS, PRESETS, Preprocess, doubts, likely_order, preset

#: Calibration samples of a built-in network, synthetic ones of any other, and the least number of
#: given ones that raises no doubt.
SAMPLES = 8

Values = float | Sequence[float] | None
Samples = list[dict[str, np.ndarray]]


def preprocess_of(
    model: onnx.ModelProto,
    info: models.ModelInfo | None,
    named: str | None,
    mean: Values,
    scale: Values,
    order: str | None,
) -> Preprocess:
    """How pictures are prepared: as the preset `named` says, a built-in network's own way, or from
    -1 to 1; where mean, scale or order are given, the others are plain pixels, or the preset's.

    Warns (`Note`) of what looks wrong. Raises InputError for what is.
    """
    channels = {d.dim_value for i in model.graph.input for d in i.type.tensor_type.shape.dim[1:2]}
    fitting = "L" if channels == {1} else "RGB"
    if named is None and mean is None and scale is None and order is None:
        return info.preprocess if info else Preprocess(order=fitting)
    if order is not None and order not in ORDERS:
        raise InputError(f"expected one of {', '.join(ORDERS)}", "channels", order)
    base = preset(named) if named else Preprocess((0.0,), (1.0,), fitting)
    wanted = order or ("L" if fitting == "L" else base.order)
    given = Preprocess(
        *(_turned(base, wanted, v, g) for v, g in ((base.mean, mean), (base.scale, scale))),
        order=wanted,
        resize=base.resize,
        fit=base.fit,
    )
    if {given.channels} != channels:
        raise InputError(
            f"preprocessing: pictures in order {given.order} have {given.channels} channels, "
            f"the network takes {' and '.join(map(str, sorted(channels)))}"
        )
    for doubt in doubts(given):
        warnings.warn(Note(doubt), stacklevel=3)
    return given


def _turned(
    base: Preprocess, order: str, value: tuple[float, ...], given: Values
) -> tuple[float, ...]:
    """What is given, or the preset's value in that order: for grey the mean of three."""
    if given is not None:
        return tuple(map(float, given if isinstance(given, Sequence) else (given,)))
    if order == "L":
        return (float(np.mean(value)),)
    return value[::-1] if {order, base.order} == {"RGB", "BGR"} else value


def calibration(
    model: onnx.ModelProto,
    name: str,
    info: models.ModelInfo | None,
    files: Sequence[Path],
    preprocess: Preprocess,
    guess: str | None,
    seed: int,
) -> Samples | None:
    """The samples to quantise with, float32 by the input's name, or None where none are needed.

    name, info : of a built-in network, whose own samples do where there are no files. guess :
    what was assumed of pictures (`guess_of`). Warns (`Note`) of all that was assumed.
    """
    shapes = {
        i.name: tuple(d.dim_value for d in i.type.tensor_type.shape.dim)[1:]
        for i in model.graph.input
    }
    if files:
        if guess and any(map(inputs.is_picture, files)):
            warnings.warn(Note(guess), stacklevel=3)
        found = [
            sample
            for path in files
            for sample in inputs.samples(path, shapes, preprocess, quantised=False)
        ]
        if len(found) < SAMPLES and not is_quantised(model):
            _note_few(len(found))
        return found
    if info is not None:
        return models.feeds(name, shapes, SAMPLES, seed)
    if is_quantised(model):
        return None
    made = "synthetic pictures" if inputs.takes_pictures(shapes, preprocess) else "noise"
    warnings.warn(
        Note(
            f"no samples were given, so ranges are measured on {made}, which costs accuracy: give "
            "some dozen typical inputs with --calibrate, prepared as in training (--preset)"
        ),
        stacklevel=3,
    )
    return [inputs.stand_in(shapes, preprocess, seed + number) for number in range(SAMPLES)]


def _note_few(count: int) -> None:
    warnings.warn(
        Note(
            f"ranges come from {count} sample(s): larger values of other inputs are clipped; give "
            "some dozen that are as different as those in use"
        ),
        stacklevel=4,
    )


def guess_of(
    preprocess: Preprocess, named: str | None, mean: Values, scale: Values, order: str | None
) -> str | None:
    """What was assumed of pictures where the options of `preprocess_of` leave it open, in words;
    None where they do not.
    """
    if named is not None or order is not None:
        return None
    grey = preprocess.order == "L"
    if mean is None and scale is None:
        how = "" if grey else "as RGB (not BGR, as OpenCV's and Caffe's are) "
        return (
            f"pictures are prepared {how}from -1 to 1, which is a guess: say how the network was "
            f"trained with --preset {', '.join(PRESETS)}, or with --mean, --scale and --channels"
        )
    if grey or likely_order(preprocess) is not None:
        return None
    return (
        "the order of the channels is taken as RGB, which is a guess: --channels BGR where the "
        "network was trained on OpenCV's or Caffe's pictures, --channels RGB to confirm it"
    )
