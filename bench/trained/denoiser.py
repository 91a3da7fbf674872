"""Trains the network `denoiser`: writes models/denoiser.onnx and its pictures, and beside this file
the clean held-out pictures.

    pip install -e '.[train]'; python bench/trained/denoiser.py     (five minutes on one core)

Data: pictures that scikit-image and scikit-learn carry; three of them are held out.
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
    noisy,
    picture,
    save,
    tensor,
    train,
)
from hwcnn.models.restoration.denoiser import (
    CHANNELS,
    LAYERS,
    ONNX_FILE,
    PICTURES,
    SIGMA,
    SIZE,
    denoiser,
)
from PIL import Image
from torch.nn import functional as F

STEPS, BATCH, PATCH = 2400, 32, 48


def batches(rng, pictures):
    while True:
        clean = crops(rng, pictures, PATCH, BATCH)
        yield tensor(noisy(rng, clean, SIGMA)), tensor(clean)


def loss(found, x, y):
    """Mean squared error of the restored picture."""
    return F.mse_loss(x - F.pixel_shuffle(found, 2), y)


def held_out():
    """The shown part of each held-out picture, clean and noisy, by name."""
    rng = generator("held out")
    for name, (x, y) in HELD_OUT.items():
        clean = picture(f"{name}.png")[y : y + SIZE, x : x + SIZE]
        yield name, clean, noisy(rng, clean, SIGMA)


def write_pictures():
    """Those of calibration, and the held-out ones."""
    rng = generator("calibration")
    clean = calibration_crops(rng, SIZE)
    PICTURES.mkdir(exist_ok=True)
    np.savez_compressed(PICTURES / "calibration.npz", pixels=noisy(rng, clean, SIGMA))
    kept = {}
    for name, clean, dirty in held_out():
        Image.fromarray(dirty).save(PICTURES / f"{name}.png", optimize=True)
        kept[name] = clean
    np.savez_compressed(HERE / "denoiser.npz", **kept)


def main():
    torch.manual_seed(SEED)
    pictures = [picture(name) for name in TRAINING]
    middle = [(CHANNELS, CHANNELS, 3, 1, 1)] * (LAYERS - 2)
    net = ConvNet([(1, CHANNELS, 4, 2, 1), *middle, (CHANNELS, 4, 3, 1, 1)])
    train(net, batches(generator("training"), pictures), loss, 4e-3, STEPS)
    save(net, denoiser, (1, SIZE, SIZE), ONNX_FILE)
    write_pictures()


if __name__ == "__main__":
    main()
