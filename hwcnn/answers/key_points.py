"""Key points of one object: coordinates, or the peaks of heat maps."""

from collections.abc import Sequence

import numpy as np

from hwcnn.errors import InputError
from hwcnn.tasks import KeyPoints

from . import drawing
from .answer import Answer, Outputs, named, only, trailing
from .view import View


def decode(task: KeyPoints, outputs: Outputs, view: View, labels: Sequence[str]) -> Answer:
    """The points in a picture, in its pixels."""
    points, scores = (_peaks if task.format == "heat-maps" else _coordinates)(task, outputs, view)
    places = view.to_picture(points)
    values = [
        {
            "label": named(labels, number, len(places)),
            "index": number,
            "score": round(float(score), 4),
            "point": [round(float(x), 2), round(float(y), 2)],
        }
        for number, ((x, y), score) in enumerate(zip(places, scores, strict=True))
        if score >= task.threshold
    ]
    found = {v["index"]: (v["point"][0], v["point"][1]) for v in values}
    text = f"{len(values)} of {len(places)} points"
    return Answer(text, {"points": values}, drawing.points(view.picture, found, task.limbs))


def _coordinates(task: KeyPoints, outputs: Outputs, view: View) -> tuple[np.ndarray, np.ndarray]:
    value = only(outputs, task.name).reshape(-1)
    if value.size % 2:
        raise InputError(f"{task.name}: {value.size} values are no pairs of x and y", "task")
    height, width = view.size
    points = value.reshape(-1, 2)[: task.points or None]
    if task.unit == "centred":
        points = (points + 1) / 2
    if task.unit != "pixels":
        points = points * np.array([width, height])
    return points, np.ones(len(points))


def _peaks(task: KeyPoints, outputs: Outputs, view: View) -> tuple[np.ndarray, np.ndarray]:
    """The centre of each map's highest cell, moved by a quarter of a cell towards the higher
    neighbour in each direction (Newell et al., Stacked Hourglass Networks, 2016, section 3.3).
    """
    maps = trailing(_maps(task, outputs), 3, task.name, "[points, rows, columns]")
    maps = maps[: task.points or None]
    count, rows, columns = maps.shape
    y, x = np.unravel_index(maps.reshape(count, -1).argmax(1), (rows, columns))
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    k = np.arange(count)
    dx = np.sign(padded[k, y + 1, x + 2] - padded[k, y + 1, x]) / 4
    dy = np.sign(padded[k, y + 2, x + 1] - padded[k, y, x + 1]) / 4
    height, width = view.size
    cells = np.stack([x + 0.5 + dx, y + 0.5 + dy], 1)
    return cells * np.array([width / columns, height / rows]), maps[k, y, x]


def _maps(task: KeyPoints, outputs: Outputs) -> np.ndarray:
    """The output with the points: the last one of four axes that has as many maps, such as
    OpenPose's of its last stage, which has the points and the background.
    """
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    fitting = [v for v in outputs.values() if task.points and v.shape[-3:][0] in _counts(task)]
    if not fitting:
        raise InputError(
            f"{task.name}: of the outputs {', '.join(outputs)} none has {task.points} maps", "task"
        )
    return fitting[-1]


def _counts(task: KeyPoints) -> tuple[int, int]:
    return task.points, task.points + 1
