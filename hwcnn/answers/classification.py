"""Classification: the classes with the highest scores."""

from collections.abc import Sequence

import numpy as np

from hwcnn.tasks import Classify

from .answer import Answer, Outputs, check_labels, named, only
from .view import View

#: Classes that are given, and those that are named in words.
_GIVEN, _NAMED = 5, 3


def decode(task: Classify, outputs: Outputs, view: View | None, labels: Sequence[str]) -> Answer:
    """The likeliest classes."""
    scores = only(outputs, task.name).reshape(-1)
    check_labels(labels, scores.size)
    values = [
        {
            "label": named(labels, int(index), scores.size),
            "index": int(index),
            "score": round(float(scores[index]), 4),
        }
        for index in np.argsort(-scores, kind="stable")[:_GIVEN]
    ]
    text = ", ".join(f"{v['label']} ({v['score']:.3f})" for v in values[:_NAMED])
    return Answer(text, {"classes": values})
