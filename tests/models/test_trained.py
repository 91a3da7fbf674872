"""The trained networks beside `digits`: what they reach on pictures that they never saw, in float
and quantised; the stored networks; smaller ones through the RTL.
"""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hwcnn.models.builder import Builder
from hwcnn.models.onnx_model import onnx_model
from PIL import Image
from test_networks_rtl import simulate

from hwcnn import models
from hwcnn.answers.text import read
from hwcnn.frontend.model.load import load, normalise
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.float_to_qdq import quantise

HELD_OUT = Path(__file__).parents[2] / "bench" / "trained"
#: Input sizes at which they are small enough to run in RTL in a test, with seeded weights.
SMALL = {"denoiser": (16, 24), "super-resolver": (12, 16), "digit-reader": (32, 40)}
NETWORKS = [n for n in models.names() if models.info(n).file and n != "digits"]


def held_out(name):
    with np.load(HELD_OUT / f"{name.replace('-', '_')}.npz") as file:
        return dict(file)


def runs(name):
    """Functions of a picture uint8 [H, W]: the network's output in float and in int8."""
    model = load(name)
    samples = [{"input": x} for x in models.samples(name, 8)]
    sessions = [session(model), session(quantise(model, samples))]
    return [lambda p, s=s: s.run(None, {"input": models.prepared(name, p)})[0] for s in sessions]


def psnr(found, wanted):
    return 10 * np.log10(255**2 / np.mean((found - wanted.astype(float)) ** 2))


def test_none_is_left_out():
    assert set(SMALL) == set(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_files_are_small(name):
    info = models.info(name)
    assert info.file.stat().st_size < 500_000
    shown = sorted(path.name for path in info.pictures.glob("*.png"))
    assert len(shown) >= 3 and (info.pictures / "calibration.npz").stat().st_size < 500_000


@pytest.mark.parametrize("name", NETWORKS)
def test_stored_network_has_the_layers_of_the_source(name):
    info, stored = models.info(name), models.build(name)
    builder = Builder(name, info.channels, info.size)
    expected = onnx_model(builder, info.layers(builder, "input"))
    onnx.checker.check_model(stored)
    assert stored.graph.node == expected.graph.node
    parameters = [[(i.name, i.dims) for i in m.graph.initializer] for m in (stored, expected)]
    assert parameters[0] == parameters[1]


@pytest.mark.parametrize("name", SMALL)
def test_smaller_network_in_rtl(name):
    info, shape = models.info(name), (1, *SMALL[name])
    builder = Builder(name, info.channels, SMALL[name])
    model = normalise(onnx_model(builder, info.layers(builder, "input")), name)
    rng = np.random.default_rng(0)
    simulate(model, [rng.random((1, *shape), np.float32) for _ in range(2)])


def test_denoiser():
    """The noise is of deviation 25; what is left of it has less than half that, and int8 is within
    0.3 dB of float.
    """
    clean, figures = held_out("denoiser"), []
    in_float, in_int8 = runs("denoiser")
    for path in sorted(models.info("denoiser").pictures.glob("*.png")):
        noisy, wanted = np.asarray(Image.open(path)), clean[path.stem]
        assert 20 < psnr(noisy, wanted) < 21
        found = [255 * np.clip(run(noisy)[0, 0], 0, 1) for run in (in_float, in_int8)]
        figures.append([psnr(f, wanted) for f in found])
    real, whole = np.mean(figures, 0)
    assert real == pytest.approx(28.26, abs=0.05)
    assert whole > real - 0.3


def test_digit_reader():
    """In float as recorded, in int8 within one line of a hundred."""
    held, task = held_out("digit-reader"), models.info("digit-reader").task
    pixels, texts = held["pixels"][:200], held["texts"][:200].tolist()
    right = [
        np.mean([read(run(p)[0], task) == text for p, text in zip(pixels, texts, strict=True)])
        for run in runs("digit-reader")
    ]
    assert right[0] > 0.9
    assert right[1] >= right[0] - 0.01
    for path in models.info("digit-reader").pictures.glob("*.png"):
        shown = np.asarray(Image.open(path))
        number, text = path.stem.split("_")
        assert texts[int(number)] == text and (pixels[int(number)] == shown).all()


def test_super_resolver():
    """Better than bicubic interpolation on every picture, and int8 within 0.3 dB of float."""
    whole, figures = held_out("super-resolver"), []
    in_float, in_int8 = runs("super-resolver")
    for path in sorted(models.info("super-resolver").pictures.glob("*.png")):
        small = Image.open(path).convert("L")
        wanted = np.asarray(Image.fromarray(whole[path.stem]).convert("L"))
        bicubic = np.asarray(small.resize((192, 192), Image.Resampling.BICUBIC))
        found = [255 * np.clip(run(np.asarray(small))[0, 0], 0, 1) for run in (in_float, in_int8)]
        figures.append([psnr(f, wanted) for f in (bicubic.astype(float), *found)])
        assert figures[-1][1] > figures[-1][0] + 0.7
    _, real, quantised = np.mean(figures, 0)
    assert quantised > real - 0.3
