"""Faces matched by the distance of their descriptors."""

import numpy as np
import pytest

from hwcnn.answers.matching import nearest


def test_the_nearest_known_face_that_is_near_enough():
    known = np.array([[0.0, 0.0], [3.0, 4.0]], np.float32)
    found, distances = nearest(np.array([[3.0, 3.5], [0.3, 0.4], [0.6, 0.8]], np.float32), known)
    assert found.tolist() == [1, 0, -1]
    assert distances == pytest.approx([0.5, 0.5, 1.0])
