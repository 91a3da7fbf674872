"""Detection: boxes with classes and scores."""

from collections.abc import Sequence

import numpy as np

from hwcnn.tasks import Boxes

from . import drawing
from .answer import Answer, Outputs, check_labels, named
from .candidates import candidates
from .nms import suppress
from .view import View

#: Boxes that are named in words.
_NAMED = 5


def decode(task: Boxes, outputs: Outputs, view: View, labels: Sequence[str]) -> Answer:
    """The objects in a picture; their boxes in its pixels, within it, best first."""
    all_ = candidates(task, outputs, view.size)
    classes = all_.scores.shape[1]
    check_labels(labels, classes)
    found = suppress(all_.boxes, all_.scores, task.threshold, task.iou, task.most)
    width, height = view.picture.size
    places = view.to_picture(all_.boxes[found[:, 1]].reshape(-1, 2, 2))
    places = np.clip(places, 0, (width, height)).reshape(-1, 4)
    values = [
        {
            "label": named(labels, int(index), classes),
            "index": int(index),
            "score": round(float(all_.scores[box, index]), 4),
            "box": [round(float(edge), 2) for edge in place],
        }
        for (index, box), place in zip(found, places, strict=True)
    ]
    words = [f"{v['label']} {100 * v['score']:.0f} %" for v in values]
    drawn = [(v["box"], w, v["index"]) for v, w in zip(values, words, strict=True)]
    more = f", and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    text = ", ".join(words[:_NAMED]) + more or f"nothing above {100 * task.threshold:.0f} %"
    return Answer(text, {"boxes": values}, drawing.boxes(view.picture, drawn))
