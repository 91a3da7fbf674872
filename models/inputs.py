"""Inputs for a built-in network where there are no pictures at hand: for calibration and for
trials.
"""

import numpy as np
from hwcnn.models.digits import PICTURES

from hwcnn import pictures


def samples(info, count, seed=0, size=None):
    """`count` inputs float32 [1, C, H, W]: of `digits`, training pictures, of the others, random
    pictures.
    """
    if info.name == "digits":
        with np.load(PICTURES / "calibration.npz") as file:
            pixels = file["pixels"]
        order = np.random.default_rng(seed).permutation(len(pixels))
        chosen = [pixels[order[k % len(order)]] for k in range(count)]
    else:
        chosen = [picture(info.channels, size or info.size, seed + k) for k in range(count)]
    return [prepared(info, pixels) for pixels in chosen]


def prepared(info, pixels):
    """float32 [1, C, H, W] of a picture uint8 [H, W] or [H, W, C]."""
    pixels = pixels.reshape(*pixels.shape[:2], info.channels)
    shape = (info.channels, *pixels.shape[:2])
    return pictures.prepare(pixels, shape, info.preprocess)[None]


def picture(channels, size, seed):
    """A seeded picture with detail at all scales, as photographs have: uint8 [size, size(,
    channels)].
    """
    rng = np.random.default_rng(seed)
    planes = (channels,) if channels > 1 else ()
    pixels = np.zeros((size, size, *planes))
    for step in (size, 32, 8, 2):
        cells = -(-size // step)
        pixels += (
            rng.normal(0, 40, (cells, cells, *planes)).repeat(step, 0).repeat(step, 1)[:size, :size]
        )
    return np.clip(pixels + 120, 0, 255).astype(np.uint8)
