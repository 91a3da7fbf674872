"""Faces by their descriptors: the nearest known one, where it is near enough."""

import numpy as np


def nearest(
    descriptors: np.ndarray, known: np.ndarray, limit: float = 0.6
) -> tuple[np.ndarray, np.ndarray]:
    """For each descriptor, the row of the nearest known one, -1 where that is further than `limit`,
    and its Euclidean distance: int64 [n] and float64 [n].

    descriptors : [n, values]. known : [m, values], m at least 1. limit : 0.6 is dlib's, for its own
    network (King 2009, JMLR 10).
    """
    differences = np.asarray(descriptors, np.float64)[:, None] - np.asarray(known)[None]
    distances = np.linalg.norm(differences, axis=-1)
    rows = distances.argmin(1)
    least = distances[np.arange(len(rows)), rows]
    return np.where(least <= limit, rows, -1), least
