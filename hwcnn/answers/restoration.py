"""A picture of a picture: denoised, enlarged, in other colours, a map of edges."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from hwcnn.errors import InputError
from hwcnn.preprocess import Preprocess
from hwcnn.tasks import Restore

from .answer import Answer, Outputs, only, trailing
from .view import View, picture_of


def decode(task: Restore, outputs: Outputs, view: View, labels: Sequence[str]) -> Answer:
    """The picture that a network makes. Where it makes luminance of a picture in colour, the
    colours are those of the given one, interpolated.
    """
    value = trailing(only(outputs, task.name), 3, task.name, "[channels, rows, columns]")
    if len(value) not in (1, 3):
        raise InputError(
            f"{task.name}: an output of {len(value)} channels is no picture: expected 1 or 3",
            "task",
        )
    if task.residual:
        if value.shape != view.values.shape:
            raise InputError(
                f"{task.name}: a residual of shape {list(value.shape)} cannot be subtracted from "
                f"an input of shape {list(view.values.shape)}",
                "task",
            )
        value = view.values - value
    picture = picture_of(value, _values_of_pixels(task, view.preprocess, len(value)))
    text = f"a picture of {picture.width}x{picture.height}"
    return Answer(text, {"size": [picture.width, picture.height]}, _coloured(picture, view))


def _values_of_pixels(task: Restore, preprocess: Preprocess, channels: int) -> Preprocess:
    """How a picture would become the output."""
    order = "L" if channels == 1 else preprocess.order if preprocess.order != "L" else "RGB"
    if task.black == task.white:
        mean, scale = (
            v if len(v) == channels else v[:1] for v in (preprocess.mean, preprocess.scale)
        )
        return Preprocess(mean, scale, order)
    scale = (task.white - task.black) / 255
    return Preprocess((-task.black / scale,), (scale,), order)


def _coloured(picture: Image.Image, view: View) -> Image.Image:
    same = view.preprocess.order == "L" and picture.mode == "L"
    pixels = np.asarray(view.picture)
    if not same or (pixels == pixels[:, :, :1]).all():
        return picture
    left, top, right, bottom = (round(edge) for edge in view.window)
    seen = view.picture.crop((left, top, right, bottom)).convert("YCbCr")
    _, blue, red = seen.resize(picture.size, Image.Resampling.BICUBIC).split()
    return Image.merge("YCbCr", (picture, blue, red)).convert("RGB")
