"""How good answers are, by hand."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))
from scores import boxes_right, lines_right, overlap, psnr


def test_psnr():
    wanted = np.full((4, 4), 100, np.uint8)
    assert psnr(wanted + 1, wanted) == pytest.approx(20 * np.log10(255))
    assert psnr(wanted - 10, wanted) == pytest.approx(20 * np.log10(25.5))


def test_lines():
    assert lines_right(["12", "3", "", "45"], ["12", "33", "", "4"]) == 0.5


def test_overlap():
    assert overlap((0, 0, 4, 2), (0, 0, 4, 2)) == 1
    assert overlap((0, 0, 4, 2), (2, 0, 6, 2)) == pytest.approx(4 / 12)
    assert overlap((0, 0, 4, 2), (4, 0, 6, 2)) == overlap((0, 0, 1, 1), (5, 5, 6, 6)) == 0


def test_each_wanted_box_counts_once():
    box, near, far = (0, 0, 10, 10), (0, 0, 10, 8), (50, 50, 60, 60)
    assert boxes_right([[(box, 3)]], [[(near, 3)]]) == 1
    assert boxes_right([[(box, 3), (near, 3)]], [[(near, 3)]]) == pytest.approx(2 / 3)
    assert boxes_right([[(box, 3)], [(far, 1)]], [[(near, 4)], [(box, 1)]]) == 0
    assert boxes_right([[(box, 3)], []], [[(near, 3)], [(far, 1)]]) == pytest.approx(2 / 3)
