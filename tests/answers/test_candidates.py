"""Boxes of detection networks: maps made of known boxes by the papers' formulas give them back."""

import numpy as np
import pytest

from hwcnn.answers.candidates import candidates
from hwcnn.errors import InputError
from hwcnn.tasks import Boxes

SIZE = (64, 96)
STRIDES = (16, 32)
ANCHORS = (((10.0, 14.0), (23.0, 27.0)), ((37.0, 58.0), (81.0, 82.0)))


def logit(p):
    return np.log(p / (1 - p))


def known(rng, classes, cells, anchors, stride):
    """A map [anchors * (5 + classes), rows, columns], and the boxes and scores in it, in its order
    of anchors, rows and columns; value by value from the equations of YOLO9000, section 2.
    """
    rows, columns = cells
    values = np.zeros((len(anchors), 5 + classes, rows, columns))
    boxes, objects, chances = [], [], []
    for a, (width, height) in enumerate(anchors):
        for row in range(rows):
            for column in range(columns):
                x, y, confidence = rng.uniform(0.05, 0.95, 3)
                w, h = rng.uniform(5, 90, 2)
                chance = rng.uniform(0.05, 0.95, classes)
                values[a, :5, row, column] = (
                    *(logit(x), logit(y)),
                    *(np.log(w / width), np.log(h / height), logit(confidence)),
                )
                values[a, 5:, row, column] = logit(chance)
                centre_x, centre_y = (column + x) * stride, (row + y) * stride
                boxes.append(
                    (centre_x - w / 2, centre_y - h / 2, centre_x + w / 2, centre_y + h / 2)
                )
                objects.append(confidence)
                chances.append(chance)
    return values.reshape(-1, rows, columns), np.array(boxes), np.array(objects), np.array(chances)


@pytest.mark.parametrize("order", [("coarse", "fine"), ("fine", "coarse")])
def test_yolov3(order):
    rng = np.random.default_rng(0)
    fine = known(rng, 3, (4, 6), ANCHORS[0], 16)
    coarse = known(rng, 3, (2, 3), ANCHORS[1], 32)
    maps = {"fine": fine[0][None], "coarse": coarse[0][None]}
    found = candidates(
        Boxes("yolov3", STRIDES, ANCHORS), {name: maps[name] for name in order}, SIZE
    )
    expected = [np.concatenate(pair) for pair in zip(fine[1:], coarse[1:], strict=True)]
    np.testing.assert_allclose(found.boxes, expected[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.scores, expected[1][:, None] * expected[2])


def test_yolov2_classes_exclude_each_other():
    rng = np.random.default_rng(1)
    values, boxes, objects, chances = known(rng, 4, (2, 3), ANCHORS[1], 32)
    found = candidates(Boxes("yolov2", (32,), ANCHORS[1:]), {"y": values}, SIZE)
    np.testing.assert_allclose(found.boxes, boxes)
    odds = chances / (1 - chances)  # the exponential of the logit
    expected = objects[:, None] * odds / odds.sum(1, keepdims=True)
    np.testing.assert_allclose(found.scores, expected)


def test_yolov5_and_yolov8():
    rng = np.random.default_rng(2)
    boxes, scores = rng.uniform(0, 60, (9, 4)), rng.uniform(0, 1, (9, 3))
    x, y, w, h = boxes.T
    expected = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
    found = candidates(Boxes("yolov8"), {"y": np.concatenate([boxes, scores], 1).T[None]}, SIZE)
    np.testing.assert_allclose(found.boxes, expected)
    np.testing.assert_array_equal(found.scores, scores)
    objects = rng.uniform(0, 1, (9, 1))
    value = np.concatenate([boxes, objects, scores], 1)[None]
    found = candidates(Boxes("yolov5"), {"y": value}, SIZE)
    np.testing.assert_allclose(found.boxes, expected)
    np.testing.assert_allclose(found.scores, objects * scores)


def test_ssd():
    """From equation 2 of the paper: l = (g - d) / size for centres, log(g / size) for sizes, over
    the variances.
    """
    rng = np.random.default_rng(3)
    places = [
        ((column + 0.5) * 32, (row + 0.5) * 32, *anchor)
        for row in range(2)
        for column in range(3)
        for anchor in ANCHORS[1]
    ]
    x, y, w, h = rng.uniform(20, 60, (4, len(places)))
    offsets = [
        (
            (x[k] - dx) / dw / 0.1,
            (y[k] - dy) / dh / 0.1,
            np.log(w[k] / dw) / 0.2,
            np.log(h[k] / dh) / 0.2,
        )
        for k, (dx, dy, dw, dh) in enumerate(places)
    ]
    logits = rng.standard_normal((len(places), 5))
    task = Boxes("ssd", (32,), ANCHORS[1:], activation="softmax")
    found = candidates(task, {"scores": logits[None], "boxes": np.array(offsets)[None]}, SIZE)
    np.testing.assert_allclose(
        found.boxes, np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
    )
    odds = np.exp(logits)
    expected = odds / odds.sum(1, keepdims=True)
    np.testing.assert_allclose(found.scores[:, 1:], expected[:, 1:])
    assert not found.scores[:, 0].any()


def test_corners():
    boxes = np.array([[1.0, 2, 11, 22], [3, 4, 33, 44]])
    scores = np.array([[0.1, 0.9, 0.3], [0.2, 0.4, 0.8]])
    found = candidates(Boxes("corners"), {"a": scores, "b": boxes}, SIZE)
    np.testing.assert_array_equal(found.boxes, boxes)
    np.testing.assert_array_equal(found.scores, scores)
    outputs = {"boxes": boxes, "labels": np.array([2, 1]), "scores": np.array([0.7, 0.6])}
    found = candidates(Boxes("corners"), outputs, SIZE)
    np.testing.assert_array_equal(found.boxes, boxes)
    np.testing.assert_allclose(found.scores, [[0, 0, 0.7], [0, 0.6, 0]])


@pytest.mark.parametrize(
    "task, shapes, message",
    [
        (
            Boxes("yolov3", STRIDES, ANCHORS),
            [(16, 4, 6)],
            r"stride 32 .* need one output \[2 \* \(5 \+ classes\), 2, 3\]: the outputs are "
            r"\[16, 4, 6\]",
        ),
        (Boxes("yolov2", (16,), ANCHORS[:1]), [(15, 4, 6)], "stride 16"),
        (Boxes("yolov8"), [(2, 9, 30)], r"shape \[2, 9, 30\] .*expected \[4 \+ classes, boxes\]"),
        (Boxes("yolov8"), [(9, 30), (9, 30)], "decoded of one output, the network has 2"),
        (Boxes("ssd", (32,), ANCHORS[1:]), [(11, 4), (11, 3)], "make 12 default boxes.* gives 11"),
        (Boxes("corners"), [(9, 5), (9, 3)], r"takes outputs \[boxes, 4\]"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(task, shapes, message):
    outputs = {f"y{k}": np.zeros(shape) for k, shape in enumerate(shapes)}
    with pytest.raises(InputError, match=message):
        candidates(task, outputs, SIZE)
