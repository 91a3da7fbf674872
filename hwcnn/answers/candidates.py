"""Boxes and scores of what detection networks give, a function for each format of `tasks.Boxes`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcnn.errors import InputError
from hwcnn.tasks import Boxes

from .answer import Outputs, only, trailing


@dataclass(frozen=True)
class Candidates:
    """boxes : [n, 4], left, top, right and bottom in pixels of the input. scores : [n, classes]."""

    boxes: np.ndarray
    scores: np.ndarray


def candidates(task: Boxes, outputs: Outputs, size: tuple[int, int]) -> Candidates:
    """All boxes, before suppression. size : height and width of the input."""
    return _FORMATS[task.format](task, outputs, size)


def _yolov2(task: Boxes, outputs: Outputs, size: tuple[int, int]) -> Candidates:
    """Redmon and Farhadi, YOLO9000 (2016), section 2, "direct location prediction"; anchors in
    pixels.
    """
    return _yolo_maps(task, outputs, size, softmax)


def _yolov3(task: Boxes, outputs: Outputs, size: tuple[int, int]) -> Candidates:
    """Redmon and Farhadi, YOLOv3 (2018), sections 2.1 to 2.3."""
    return _yolo_maps(task, outputs, size, sigmoid)


def _yolo_maps(
    task: Boxes,
    outputs: Outputs,
    size: tuple[int, int],
    classes: Callable[[np.ndarray], np.ndarray],
) -> Candidates:
    maps = [trailing(v, 3, task.name, "[channels, rows, columns]") for v in outputs.values()]
    found = []
    for stride, anchors in zip(task.strides, task.anchors, strict=True):
        rows, columns = size[0] // stride, size[1] // stride
        one = [m for m in maps if m.shape[1:] == (rows, columns)]
        if len(one) != 1 or len(one[0]) % len(anchors) or len(one[0]) < 6 * len(anchors):
            raise InputError(
                f"boxes: stride {stride} of an input of {size[0]}x{size[1]} and {len(anchors)} "
                f"anchors need one output [{len(anchors)} * (5 + classes), {rows}, {columns}]: the "
                f"outputs are {', '.join(str(list(m.shape)) for m in maps)}",
                "task",
            )
        t = one[0].reshape(len(anchors), -1, rows, columns)
        y, x = np.mgrid[:rows, :columns]
        width, height = np.array(anchors).T[:, :, None, None]
        centres = np.stack([x + sigmoid(t[:, 0]), y + sigmoid(t[:, 1])], -1) * stride
        sizes = np.stack([width * np.exp(t[:, 2]), height * np.exp(t[:, 3])], -1)
        scores = sigmoid(t[:, 4])[..., None] * classes(np.moveaxis(t[:, 5:], 1, -1))
        found.append((corners(centres, sizes).reshape(-1, 4), scores.reshape(-1, scores.shape[-1])))
    return Candidates(*map(np.concatenate, zip(*found, strict=True)))


def _yolov5(task: Boxes, outputs: Outputs, size: tuple[int, int]) -> Candidates:
    value = trailing(only(outputs, task.name), 2, task.name, "[boxes, 5 + classes]")
    return Candidates(corners(value[:, :2], value[:, 2:4]), value[:, 4:5] * value[:, 5:])


def _yolov8(task: Boxes, outputs: Outputs, size: tuple[int, int]) -> Candidates:
    value = trailing(only(outputs, task.name), 2, task.name, "[4 + classes, boxes]").T
    return Candidates(corners(value[:, :2], value[:, 2:4]), value[:, 4:])


def _ssd(task: Boxes, outputs: Outputs, size: tuple[int, int]) -> Candidates:
    """Liu et al., SSD (2016), section 2.2, equation 2; the background's scores are set to 0."""
    offsets, scores = _boxes_and_scores(task, outputs)
    defaults = default_boxes(task, size)
    if len(defaults) != len(offsets):
        raise InputError(
            f"boxes: the strides and anchors make {len(defaults)} default boxes, the network gives "
            f"{len(offsets)}",
            "task",
        )
    centre, size_ = task.variances
    centres = defaults[:, :2] + offsets[:, :2] * centre * defaults[:, 2:]
    sizes = defaults[:, 2:] * np.exp(offsets[:, 2:] * size_)
    scores = _activated(task, scores)
    scores[:, 0] = 0
    return Candidates(corners(centres, sizes), scores)


def _corners(task: Boxes, outputs: Outputs, size: tuple[int, int]) -> Candidates:
    if len(outputs) == 3:
        return _labelled(task, outputs)
    boxes, scores = _boxes_and_scores(task, outputs)
    return Candidates(boxes, _activated(task, scores))


def _labelled(task: Boxes, outputs: Outputs) -> Candidates:
    """Of boxes [n, 4], and scores [n] and classes [n] in whole numbers: the latter are those of
    integers, or else the first.
    """
    boxes, *others = sorted(outputs.values(), key=lambda v: -v.ndim)
    others.sort(key=lambda v: not np.issubdtype(v.dtype, np.integer))
    n = len(trailing(boxes, 2, task.name, "[boxes, 4]"))
    classes, scores = (trailing(v, 1, task.name, f"[{n}]") for v in others)
    if boxes.shape[-1] != 4 or len(classes) != n or len(scores) != n:
        raise InputError("boxes: expected outputs [boxes, 4], [boxes] and [boxes]", "task")
    classes = classes.astype(int)
    table = np.zeros((n, classes.max(initial=0) + 1), np.float32)
    table[np.arange(n), classes] = scores
    return Candidates(boxes.reshape(n, 4), table)


def _boxes_and_scores(task: Boxes, outputs: Outputs) -> tuple[np.ndarray, np.ndarray]:
    """[n, 4] and [n, classes]; where both have four columns, in this order."""
    values = [trailing(v, 2, task.name, "[boxes, 4] or [boxes, classes]") for v in outputs.values()]
    values.sort(key=lambda v: v.shape[1] != 4)
    if len(values) != 2 or values[0].shape[1] != 4 or len(values[0]) != len(values[1]):
        raise InputError(
            f"boxes: format {task.format} takes outputs [boxes, 4] and [boxes, classes]: the "
            f"network's are {', '.join(str(list(v.shape)) for v in values)}",
            "task",
        )
    return values[0], values[1]


def default_boxes(task: Boxes, size: tuple[int, int]) -> np.ndarray:
    """SSD's default boxes [n, 4]: centre, width and height in pixels of the input; map by map, row
    by row, cell by cell. size : height and width of the input.
    """
    found = []
    for stride, anchors in zip(task.strides, task.anchors, strict=True):
        rows, columns = (-(-side // stride) for side in size)
        y, x = (np.mgrid[:rows, :columns] + 0.5) * stride
        centres = np.stack([x, y], -1)[:, :, None].repeat(len(anchors), 2)
        sizes = np.broadcast_to(np.array(anchors), centres.shape)
        found.append(np.concatenate([centres, sizes], -1).reshape(-1, 4))
    return np.concatenate(found)


def _activated(task: Boxes, scores: np.ndarray) -> np.ndarray:
    functions = {"none": np.copy, "softmax": softmax, "sigmoid": sigmoid}
    return functions[task.activation](scores)


def corners(centres: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """[..., 4] left, top, right and bottom of centres [..., 2] and sizes [..., 2] (x, y)."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], -1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-np.clip(x, -80, 80)))


def softmax(x: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


_FORMATS: dict[str, Callable[[Boxes, Outputs, tuple[int, int]], Candidates]] = {
    "yolov2": _yolov2,
    "yolov3": _yolov3,
    "yolov5": _yolov5,
    "yolov8": _yolov8,
    "ssd": _ssd,
    "corners": _corners,
}
