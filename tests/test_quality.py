"""Figures of how far integers are from real numbers."""

import numpy as np
import pytest

from hwcnn.quality import decibels, is_classification, same_top1, sqnr_db


def test_sqnr_of_uniform_values_is_six_decibels_a_bit():
    """Bennett 1948: a rounding error is uniform over a step, 20 log10(2) dB a bit."""
    x = np.random.default_rng(0).uniform(-1, 1, 100_000)
    for bits in (8, 10, 12):
        step = 2 / 2**bits
        assert sqnr_db(x, np.rint(x / step) * step) == pytest.approx(6.02 * bits, abs=0.1)


def test_exact_results_have_no_sqnr():
    assert sqnr_db(np.ones(3), np.ones(3)) is None
    assert decibels(0, 1) < -1000
    assert decibels(0, 1e30) < decibels(0, 1)


def test_which_outputs_classify():
    assert is_classification((1, 10))
    assert is_classification((4, 10, 1, 1))
    for shape in ((1, 1), (10,), (1, 10, 4, 4), ()):
        assert not is_classification(shape)


def test_top1_is_counted_by_image():
    real = np.array([[0.1, 0.9], [0.8, 0.2]])
    assert same_top1(real, real[:, ::-1]) == 0
    assert same_top1(real, real * [[1, 1], [0.1, 1]]) == 1
