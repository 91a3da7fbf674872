"""From a network's outputs to answers, by its task."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hwcnn.preprocess import Preprocess
from hwcnn.tasks import Boxes, Classify, KeyPoints, Masks, Restore, Task, Text

from . import boxes, classification, key_points, masks, restoration, text
from .answer import Answer, Outputs
from .view import View

_DECODERS: dict[type[Task], Callable[[Any, Outputs, View, Sequence[str]], Answer]] = {
    Classify: classification.decode,
    Boxes: boxes.decode,
    Masks: masks.decode,
    KeyPoints: key_points.decode,
    Restore: restoration.decode,
    Text: text.decode,
}


def decode(task: Task, outputs: Outputs, view: View, labels: Sequence[str] = ()) -> Answer:
    """What the outputs say of the picture. InputError where they do not fit the task, or there is
    not a label for each class.
    """
    return _DECODERS[type(task)](task, outputs, view, labels)


def guess(shapes: Mapping[str, Sequence[int]]) -> Task | None:
    """The task of a network with outputs of these shapes [N, ...]: classification, where there is
    one and its images are vectors.
    """
    if len(shapes) != 1:
        return None
    (shape,) = shapes.values()
    vector = len(shape) >= 2 and shape[1] > 1 and all(n == 1 for n in shape[2:])
    return Classify() if vector else None


def check(
    task: Task,
    shapes: Mapping[str, Sequence[int]],
    input_shape: Sequence[int],
    labels: Sequence[str] = (),
) -> None:
    """InputError where outputs of these shapes cannot be decoded, before they are computed.

    shapes : of an image's outputs, by name; with a 0 where a dimension is not known yet, in which
    case nothing is checked. input_shape : (C, H, W).
    """
    if not all(shape and all(shape) for shape in shapes.values()):
        return
    view = View.of_values(np.zeros(tuple(input_shape), np.float32), Preprocess())
    decode(task, {name: np.zeros(tuple(s), np.float32) for name, s in shapes.items()}, view, labels)
