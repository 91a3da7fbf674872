"""An answer, and what decoding it is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from hwcnn.errors import InputError

#: The network's outputs for one image, real numbers, by name.
Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Answer:
    """What a network says of one picture.

    text : in one line. values : as JSON. picture : drawn, where a person wants to see it.
    """

    text: str
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    picture: Image.Image | None = None


def only(outputs: Outputs, task: str) -> np.ndarray:
    """The only output; InputError where there are several."""
    if len(outputs) != 1:
        raise InputError(
            f"{task} is decoded of one output, the network has {len(outputs)}: "
            f"{', '.join(outputs)}",
            "task",
        )
    return next(iter(outputs.values()))


def trailing(value: np.ndarray, rank: int, task: str, expected: str) -> np.ndarray:
    """An array without its leading axes of size 1, so that it has `rank`; InputError where it has
    another shape. expected : in words.
    """
    shape = value.shape
    if len(shape) < rank or any(n != 1 for n in shape[: len(shape) - rank]):
        raise InputError(
            f"{task}: an output of shape {list(shape)} cannot be decoded: expected {expected}",
            "task",
        )
    return value.reshape(shape[len(shape) - rank :])


def named(labels: Sequence[str], index: int, classes: int) -> str:
    """The name of a class: its label, or its number where there are none. Labels may leave out
    class 0, the background.
    """
    shift = classes - len(labels)
    if not labels or shift not in (0, 1):
        return str(index)
    return labels[index - shift] if index >= shift else "background"


def check_labels(labels: Sequence[str], classes: int) -> None:
    """InputError where there are labels, but not one for each class (but the background)."""
    if labels and classes - len(labels) not in (0, 1):
        raise InputError(
            f"{len(labels)} labels, but the network has {classes} classes: give a line for each",
            "labels",
        )
