"""Text, by connectionist temporal classification (Graves et al., 2006, section 3.2), greedily."""

from collections.abc import Sequence

import numpy as np

from hwcnn.errors import InputError
from hwcnn.tasks import Text

from .answer import Answer, Outputs, only
from .view import View


def decode(task: Text, outputs: Outputs, view: View | None, labels: Sequence[str]) -> Answer:
    """The text that a network reads."""
    text = read(only(outputs, task.name), task)
    return Answer(f"{text!r}", {"characters": text})


def read(scores: np.ndarray, task: Text) -> str:
    """The text of scores [steps, classes] or [classes, steps], or with further axes of size 1.

    The likeliest class of each step; of equal ones in succession the first, then without blanks.
    """
    classes = len(task.alphabet) + 1
    steps = np.squeeze(scores)
    if steps.ndim != 2 or classes not in steps.shape:
        raise InputError(
            f"{task.name}: an output of shape {list(scores.shape)} cannot be decoded: expected "
            f"scores of {classes} classes (the blank and {len(task.alphabet)} characters) at "
            "each step",
            "task",
        )
    best = steps.argmax(1 if steps.shape[1] == classes else 0)
    first = np.concatenate([[True], best[1:] != best[:-1]])
    characters = [*task.alphabet]
    characters.insert(task.blank, "")
    return "".join(characters[k] for k in best[first])
