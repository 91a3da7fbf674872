"""How good answers are: of restored pictures, of lines that are read, of boxes."""

import numpy as np


def psnr(found, wanted):
    """Peak signal-to-noise ratio in dB of pictures from 0 to 255."""
    error = np.asarray(found, np.float64) - np.asarray(wanted, np.float64)
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def lines_right(found, wanted):
    """Share of lines that are read without an error."""
    return float(np.mean([f == w for f, w in zip(found, wanted, strict=True)]))


def overlap(a, b):
    """Intersection over union of two boxes (left, top, right, bottom)."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = np.prod(np.maximum(sides, 0))
    return both / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both)


def boxes_right(found, wanted):
    """F1 score: twice the right boxes over all that are found and wanted. A box is right if one
    that is wanted has its class and overlaps it by half; each of these counts once.

    found, wanted : for each picture, boxes and classes [(box, class), ...], the best first.
    """
    right = 0
    for ours, theirs in zip(found, wanted, strict=True):
        left = list(theirs)
        for box, label in ours:
            hits = [t for t in left if t[1] == label and overlap(box, t[0]) >= 0.5]
            right += bool(hits)
            left = [t for t in left if t not in hits[:1]]
    return 2 * right / (sum(map(len, found)) + sum(map(len, wanted)))
