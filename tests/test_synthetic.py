"""Synthetic pictures: seeded, of the size asked for, and like photographs where it matters."""

import numpy as np
import pytest

from hwcnn import synthetic


def test_the_seed_decides():
    first, second, other = (synthetic.picture(40, 60, 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != other).mean() > 0.9


@pytest.mark.parametrize("shape", [(8, 8, 1), (33, 20, 3), (1, 1, 3)])
def test_any_size(shape):
    pixels = synthetic.picture(*shape, seed=0)
    assert pixels.shape == shape
    assert pixels.dtype == np.uint8


def test_detail_falls_with_frequency_as_in_photographs():
    """The power spectrum of photographs falls as 1/f**2 (Field 1987); white noise is flat."""
    slopes = []
    for seed in range(4):
        grey = synthetic.picture(128, 128, 3, seed).mean(axis=2)
        power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
        f = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
        band = (f > 0.02) & (f < 0.2)
        slopes.append(np.polyfit(np.log(f[band]), np.log(power[band]), 1)[0])
    assert -3.5 < np.mean(slopes) < -1.5
