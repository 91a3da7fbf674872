"""Suppression, against its definition written box by box."""

import numpy as np
import pytest

from hwcnn.answers.nms import suppress


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(0, width) * max(0, height)
    area = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b)]
    return both / (sum(area) - both)


def by_definition(boxes, scores, threshold, iou):
    kept = []
    for label in range(scores.shape[1]):
        chosen = []
        for box in sorted(range(len(boxes)), key=lambda k: -scores[k, label]):
            if scores[box, label] > threshold and all(
                overlap(boxes[box], boxes[other]) <= iou for other in chosen
            ):
                chosen.append(box)
        kept += [(label, box) for box in chosen]
    return sorted(kept, key=lambda pair: -scores[pair[1], pair[0]])


@pytest.mark.parametrize("iou", [0.2, 0.45, 0.8])
def test_what_is_kept_is_that_of_the_definition(iou):
    rng = np.random.default_rng(0)
    corner, size = rng.uniform(0, 60, (80, 2)), rng.uniform(10, 40, (80, 2))
    boxes = np.concatenate([corner, corner + size], 1).astype(np.float32)
    scores = rng.uniform(0, 1, (80, 3)).astype(np.float32)
    found = suppress(boxes, scores, 0.3, iou, 1000)
    expected = by_definition(boxes, scores, 0.3, iou)
    assert 10 < len(expected) < (scores > 0.3).sum()
    assert [tuple(pair) for pair in found] == expected
    best = suppress(boxes, scores, 0.3, iou, 7)
    assert [tuple(pair) for pair in best] == expected[:7]


def test_no_boxes():
    assert suppress(np.empty((0, 4)), np.empty((0, 3)), 0.5, 0.5, 10).shape == (0, 2)
    assert suppress(np.ones((2, 4)), np.zeros((2, 3)), 0.5, 0.5, 10).shape == (0, 2)
