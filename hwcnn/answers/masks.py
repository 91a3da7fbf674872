"""Segmentation: a class for each pixel."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from hwcnn.tasks import Masks

from . import drawing
from .answer import Answer, Outputs, check_labels, named, only, trailing
from .view import View


def decode(task: Masks, outputs: Outputs, view: View, labels: Sequence[str]) -> Answer:
    """The classes in a picture, with their share of what the network sees, and where they are."""
    scores = trailing(only(outputs, task.name), 3, task.name, "[classes, rows, columns]")
    classes = max(2, len(scores))
    check_labels(labels, classes)
    index = scores.argmax(0) if len(scores) > 1 else (scores[0] > 0).astype(int)
    counts = np.bincount(index.ravel(), minlength=classes)
    order = [int(c) for c in np.argsort(-counts, kind="stable") if counts[c]]
    names = {c: named(labels, c, classes) for c in order if c != task.background}
    values = [
        {"label": name, "index": c, "share": round(float(counts[c] / index.size), 4)}
        for c, name in names.items()
    ]
    whole = Image.fromarray(index.astype(np.int32))
    seen, left, top = view.seen(whole, Image.Resampling.NEAREST)
    text = ", ".join(f"{v['label']} {100 * v['share']:.0f} %" for v in values)
    drawn = drawing.masks(view.picture, seen, (left, top), names)
    return Answer(text or "background only", {"masks": values}, drawn)
