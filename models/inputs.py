"""Inputs for a built-in network where there are no pictures at hand: for calibration and for
trials.
"""

import numpy as np

from hwcnn import pictures

from .catalogue import info
from .digits import PICTURES


def samples(name: str, count: int, seed: int = 0, size: int | None = None) -> list[np.ndarray]:
    """`count` prepared inputs, float32 [1, C, size, size], for calibration and trials: training
    pictures of `digits`, seeded random pictures of the others.

    size : height and width instead of the network's own.
    """
    if name == "digits":
        with np.load(PICTURES / "calibration.npz") as file:
            pixels = file["pixels"]
        order = np.random.default_rng(seed).permutation(len(pixels))
        chosen = [pixels[order[k % len(order)]] for k in range(count)]
    else:
        model = info(name)
        chosen = [picture(model.channels, size or model.size, seed + k) for k in range(count)]
    return [prepared(name, pixels) for pixels in chosen]


def prepared(name: str, pixels: np.ndarray) -> np.ndarray:
    """A picture uint8 [H, W] or [H, W, C] as the network takes it: float32 [1, C, H, W]."""
    model = info(name)
    pixels = pixels.reshape(*pixels.shape[:2], model.channels)
    shape = (model.channels, *pixels.shape[:2])
    return pictures.prepare(pixels, shape, model.preprocess)[None]


def picture(channels: int, size: int, seed: int) -> np.ndarray:
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
