"""Between the two programs of Faster R-CNN: anchors, proposals and pooled features."""

import numpy as np
import onnxruntime as ort
import pytest

from hwcnn import models
from hwcnn.answers import regions


def test_anchors_of_a_cell_have_three_areas_and_three_ratios():
    found = regions.anchors(2, 3)
    assert found.shape == (2, 3, 9, 4)
    assert (found[1, 2, :, :2] == (40, 24)).all()
    sizes = found[0, 0, :, 2:]
    assert np.prod(sizes, 1) == pytest.approx(np.tile([128**2, 256**2, 512**2], 3))
    assert sizes[:, 1] / sizes[:, 0] == pytest.approx(np.repeat([0.5, 1, 2], 3))


def test_proposals_are_the_best_anchors_moved_cut_and_not_twice():
    scores, offsets = np.zeros((9, 20, 20), np.float32), np.zeros((36, 20, 20), np.float32)
    scores[3, 10, 10] = 0.9  # the square of 128 pixels around (168, 168)
    offsets[12:16, 10, 10] = 0.25, -0.25, np.log(0.5), np.log(2)
    scores[3, 10, 11] = 0.8  # the same box, from the next cell
    offsets[12:16, 10, 11] = 0.125, -0.25, np.log(0.5), np.log(2)
    scores[5, 0, 0] = 0.7  # the square of 512 pixels, which leaves the picture
    found = regions.propose(scores, offsets, (320, 320), most=2)
    assert found == pytest.approx(np.array([[168, 8, 232, 264], [0, 0, 264, 264]]), abs=1e-3)


def test_pooled_features_are_the_highest_of_each_part():
    features = np.random.default_rng(0).standard_normal((5, 20, 30)).astype(np.float32)
    # rows 2 to 13 and columns 4 to 15, so that each part is 2 by 2
    box = np.array([[4 * 16, 2 * 16, 15 * 16, 13 * 16]], np.float32)
    expected = features[:, 2:14, 4:16].reshape(5, 6, 2, 6, 2).max((2, 4))
    assert (regions.pool(features, box, 6) == expected).all()


def test_two_stages_of_the_built_in_network():
    """Shapes of the two float networks and of what is between them fit."""
    first, second = (
        ort.InferenceSession(models.build(name, width, size).SerializeToString())
        for name, width, size in (("faster-rcnn", 1, (160, 224)), ("faster-rcnn-head", 1 / 32, 6))
    )
    (picture,) = models.samples("faster-rcnn", 1, size=(160, 224))
    features, scores, offsets = (y[0] for y in first.run(None, {"input": picture}))
    boxes = regions.propose(scores[9:], offsets, (160, 224), most=5)
    pooled = regions.pool(features, boxes, 6)
    assert len(pooled) == len(boxes) == 5 and (boxes[:, 2:] - boxes[:, :2] >= 16).all()
    classes = [second.run(None, {"input": p[None]})[0][0] for p in pooled]
    assert np.ptp(classes, 0).max() > 1e-3 and np.sum(classes, 1) == pytest.approx(np.ones(5))
