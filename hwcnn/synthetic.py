"""Pictures made from nothing, which have edges and detail at all scales as photographs do."""

import numpy as np

#: Discs in a picture: they cover nearly all of it.
_DISCS = 600
#: Deviations of a disc's channels from its grey, and of each pixel, in steps of 255.
_COLOUR, _GRAIN = 40.0, 6.0


def picture(height: int, width: int, channels: int, seed: int) -> np.ndarray:
    """uint8 [height, width, channels]: discs of random colours that hide each other ("dead
    leaves"), with as many of radius r as r**-3 says, which gives the statistics of photographs
    (Lee, Mumford and Huang, "Occlusion Models for Natural Images", IJCV 2001). The same for the
    same seed.
    """
    rng = np.random.default_rng(seed)
    size = max(height, width)
    pixels = np.empty((height, width, channels))
    pixels[:] = rng.uniform(0, 255, channels)
    radii = np.maximum(1, size / 2 / np.sqrt(rng.uniform(1, max(2.0, size**2 / 16), _DISCS)))
    centres = rng.uniform(-0.1, 1.1, (_DISCS, 2)) * (height, width)
    greys = rng.uniform(0, 255, (_DISCS, 1)) + rng.normal(0, _COLOUR, (_DISCS, channels))
    for (y, x), radius, grey in zip(centres, radii, greys, strict=True):
        rows = slice(max(0, int(y - radius)), max(0, int(y + radius) + 2))
        cols = slice(max(0, int(x - radius)), max(0, int(x + radius) + 2))
        part = pixels[rows, cols]
        down, across = np.ogrid[: part.shape[0], : part.shape[1]]
        part[(down + rows.start - y) ** 2 + (across + cols.start - x) ** 2 < radius**2] = grey
    pixels += rng.normal(0, _GRAIN, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)
