"""How good answers are: of restored pictures, of lines that are read."""

import numpy as np


def psnr(found, wanted):
    """Peak signal-to-noise ratio in dB of pictures from 0 to 255."""
    error = np.asarray(found, np.float64) - np.asarray(wanted, np.float64)
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def lines_right(found, wanted):
    """Share of lines that are read without an error."""
    return float(np.mean([f == w for f, w in zip(found, wanted, strict=True)]))
