"""Inputs for a built-in network where there are no pictures at hand: for calibration and for
trials.
"""

from collections.abc import Mapping

import numpy as np

from hwcnn import pictures

from .catalogue import info
from .shapes import pair


def samples(
    name: str, count: int, seed: int = 0, size: int | tuple[int, int] | None = None
) -> list[np.ndarray]:
    """`count` prepared inputs, float32 [1, C, H, W], for calibration and trials: training pictures
    of trained networks, seeded random pictures of the others.

    size : height and width instead of the network's own.
    """
    model = info(name)
    shape = model.channels, *pair(size or model.size)
    return [feed["input"] for feed in feeds(name, {"input": shape}, count, seed)]


def feeds(
    name: str, shapes: Mapping[str, tuple[int, ...]], count: int, seed: int = 0
) -> list[dict[str, np.ndarray]]:
    """`count` prepared samples of all inputs of a network, as `samples` of its first.

    shapes : (C, H, W) of each input.
    """
    if folder := info(name).pictures:
        (only,) = shapes
        with np.load(folder / "calibration.npz") as file:
            pixels = file["pixels"]
        order = np.random.default_rng(seed).permutation(len(pixels))
        return [{only: prepared(name, pixels[order[k % len(order)]])} for k in range(count)]
    return [
        {
            tensor: prepared(name, picture(shape[0], shape[1:], seed + k + 1000 * number))
            for number, (tensor, shape) in enumerate(shapes.items())
        }
        for k in range(count)
    ]


def prepared(name: str, pixels: np.ndarray) -> np.ndarray:
    """A picture uint8 [H, W] or [H, W, C] as the network takes it: float32 [1, C, H, W]."""
    model = info(name)
    pixels = pixels.reshape(*pixels.shape[:2], model.channels)
    if model.channels != model.preprocess.channels:  # no picture: frames, or maps of features
        (mean,), (scale,) = model.preprocess.mean, model.preprocess.scale
        return ((pixels.transpose(2, 0, 1)[None] - np.float32(mean)) * np.float32(scale)).astype(
            np.float32
        )
    shape = (model.channels, *pixels.shape[:2])
    return pictures.prepare(pixels, shape, model.preprocess)[None]


def picture(channels: int, size: int | tuple[int, ...], seed: int) -> np.ndarray:
    """A seeded picture with detail at all scales, as photographs have: uint8 [H, W(, channels)]."""
    rng = np.random.default_rng(seed)
    height, width = (size, size) if isinstance(size, int) else size
    planes = (channels,) if channels > 1 else ()
    pixels = np.zeros((height, width, *planes))
    for step in (max(height, width), 32, 8, 2):
        cells = -(-height // step), -(-width // step)
        noise = rng.normal(0, 40, (*cells, *planes))
        pixels += noise[np.arange(height) // step][:, np.arange(width) // step]
    return np.clip(pixels + 120, 0, 255).astype(np.uint8)
