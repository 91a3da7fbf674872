"""The trained network: its accuracy on pictures that it never saw, in float and quantised, and its
pictures.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hwcnn.models.builder import Builder
from hwcnn.models.classification.digits import ONNX_FILE, PICTURES
from hwcnn.models.onnx_model import onnx_model
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from PIL import Image

from hwcnn import models
from hwcnn.errors import InputError

INFO = models.info("digits")
BENCH = Path(__file__).parents[2] / "bench" / "digits"
RECORD = json.loads((BENCH / "accuracy.json").read_text())


@pytest.fixture(scope="module")
def held_out():
    with np.load(BENCH / "held_out.npz") as file:
        return file["pixels"], file["labels"]


def accuracy(model, pixels, labels):
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.mean(
        [
            session.run(None, {"input": models.prepared("digits", p)})[0].argmax() == y
            for p, y in zip(pixels, labels, strict=True)
        ]
    )


class Samples(CalibrationDataReader):
    def __init__(self):
        self.samples = iter(models.samples("digits", 100))

    def get_next(self):
        return next(({"input": s} for s in self.samples), None)


def test_float_accuracy_is_as_recorded(held_out):
    measured = accuracy(models.build("digits").SerializeToString(), *held_out)
    assert len(held_out[1]) == RECORD["held_out_pictures"] == 1000
    assert measured >= 0.98 and measured == pytest.approx(RECORD["float_accuracy"], abs=0.0011)


def test_int8_accuracy_is_within_half_a_percent(held_out, tmp_path):
    quantize_static(
        ONNX_FILE,
        tmp_path / "int8.onnx",
        Samples(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )
    measured = accuracy(tmp_path / "int8.onnx", *held_out)
    assert measured >= RECORD["float_accuracy"] - 0.005
    assert measured == pytest.approx(RECORD["int8_accuracy"], abs=0.0021)


def test_demo_pictures_are_held_out_ones(held_out):
    pixels, labels = held_out
    paths = sorted(PICTURES.glob("*.png"))
    assert [int(p.stem.split("_")[1]) for p in paths] == [d for d in range(10) for _ in range(2)]
    for path in paths:
        picture = np.asarray(Image.open(path))
        where = np.flatnonzero((pixels == picture).all(axis=(1, 2)))
        assert len(where) == 1 and labels[where[0]] == int(path.stem.split("_")[1])


def test_calibration_pictures_are_not_held_out_ones(held_out):
    with np.load(PICTURES / "calibration.npz") as file:
        calibration = file["pixels"]
    held = {p.tobytes() for p in held_out[0]}
    assert len(held) == 1000 and not held & {p.tobytes() for p in calibration}


def test_stored_network_has_the_layers_of_the_source():
    builder = Builder("digits", 1, 28)
    expected = onnx_model(builder, INFO.layers(builder, "input"))
    stored = models.build("digits")
    onnx.checker.check_model(stored)
    assert stored.graph.node == expected.graph.node
    parameters = ([(i.name, i.dims) for i in m.graph.initializer] for m in (stored, expected))
    assert next(parameters) == next(parameters)


def test_other_widths_are_refused():
    with pytest.raises(InputError, match="digits is trained: its width is 1"):
        models.build("digits", width=0.5)
