"""Trains the network `super_resolver`: writes models/super_resolver.onnx and its pictures, and
beside this file the held-out pictures in full resolution.

    pip install -e '.[train]'; python bench/trained/super_resolver.py    (some seconds)

Data: pictures that scikit-image and scikit-learn carry, made smaller by Pillow (bicubic, with its
antialiasing); three of them are held out.
"""

import numpy as np
import torch
from common import (
    HELD_OUT,
    HERE,
    SEED,
    TRAINING,
    ConvNet,
    calibration_crops,
    crops,
    generator,
    picture,
    save,
    tensor,
    train,
)
from hwcnn.models.restoration.super_resolver import (
    CHANNELS,
    FACTOR,
    LAYERS,
    ONNX_FILE,
    PICTURES,
    SIZE,
    super_resolver,
)
from PIL import Image
from torch.nn import functional as F

STEPS, BATCH, PATCH = 700, 16, 24


def smaller(pixels):
    """A picture uint8 at the input's resolution."""
    rows, columns = (n // FACTOR for n in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BICUBIC))


def batches(rng, pictures):
    while True:
        whole = crops(rng, pictures, FACTOR * PATCH, BATCH)
        yield tensor(np.stack([smaller(p) for p in whole])), tensor(whole)


def loss(found, x, y):
    """Mean squared error of the enlarged picture."""
    smooth = F.interpolate(x, scale_factor=FACTOR, mode="bilinear", align_corners=False)
    return F.mse_loss(smooth + F.pixel_shuffle(found, FACTOR), y)


def held_out():
    """The shown part of each held-out picture in colour, in full resolution, by name."""
    for name, (x, y) in HELD_OUT.items():
        side = FACTOR * SIZE
        whole = picture(f"{name}.png", grey=name == "camera")
        yield name, whole[y : y + side, x : x + side]


def write_pictures():
    """Those of calibration, and the held-out ones."""
    whole = calibration_crops(generator("calibration"), FACTOR * SIZE)
    PICTURES.mkdir(exist_ok=True)
    calibration = np.stack([smaller(p) for p in whole])
    np.savez_compressed(PICTURES / "calibration.npz", pixels=calibration)
    kept = dict(held_out())
    for name, pixels in kept.items():
        Image.fromarray(smaller(pixels)).save(PICTURES / f"{name}.png", optimize=True)
    np.savez_compressed(HERE / "super_resolver.npz", **kept)


def main():
    torch.manual_seed(SEED)
    pictures = [picture(name) for name in TRAINING]
    middle = [(CHANNELS, CHANNELS, 3, 1, 1)] * (LAYERS - 2)
    layers = [(1, CHANNELS, 5, 1, 2), *middle, (CHANNELS, FACTOR * FACTOR, 3, 1, 1)]
    net = ConvNet(layers, normed=False)
    train(net, batches(generator("training"), pictures), loss, 4e-3, STEPS)
    save(net, super_resolver, (1, SIZE, SIZE), ONNX_FILE)
    write_pictures()


if __name__ == "__main__":
    main()
