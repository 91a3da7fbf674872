"""What generate prepares pictures by, and what it says where it had to guess."""

import json

import nets
import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def net(tmp_path):
    pixels = np.random.default_rng(0).integers(115, 145, (12, 12, 3), np.uint8)
    pixels[5, 5] = 255  # rare and far from all others
    (tmp_path / "pictures").mkdir()
    for number in range(8):
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    return nets.small(tmp_path / "net.onnx")


def generate(hwcnn, net, *options):
    return hwcnn("generate", "--model", net, "--pe", "8x8", "--out", "made", *options)


def preprocess(tmp_path):
    return json.loads((tmp_path / "made" / "manifest.json").read_text())["preprocess"]


def test_without_samples_one_note_says_so(hwcnn, net):
    outcome = generate(hwcnn, net)
    assert outcome.code == 0
    assert outcome.err.count("note:") == 1
    assert "--calibrate" in outcome.err
    assert "synthetic pictures" in outcome.err


def test_built_in_networks_have_samples_of_their_own(hwcnn):
    assert generate(hwcnn, "digits").err == ""


def test_pictures_without_a_word_on_their_preparation(hwcnn, net):
    outcome = generate(hwcnn, net, "--calibrate", "pictures")
    assert outcome.err.count("note:") == 1
    assert "--preset torchvision" in outcome.err
    assert "BGR" in outcome.err
    assert generate(hwcnn, net, "--calibrate", "pictures", "--preset", "tf").err == ""


def test_the_order_of_the_channels_is_asked_where_nothing_tells_it(hwcnn, net):
    outcome = generate(hwcnn, net, "--calibrate", "pictures", "--mean", "127.5")
    assert outcome.err.count("note:") == 1
    assert "--channels BGR" in outcome.err
    for options in (("--mean", "127.5", "--channels", "RGB"), ("--mean", "123.7,116.3,103.5")):
        assert generate(hwcnn, net, "--calibrate", "pictures", *options).err == ""


def test_a_preset_is_what_the_manifest_holds_and_options_override_it(hwcnn, net, tmp_path):
    generate(hwcnn, net, "--calibrate", "pictures", "--preset", "yolo")
    assert preprocess(tmp_path) == {
        "mean": [0.0],
        "scale": [1 / 255],
        "order": "RGB",
        "resize": 1.0,
        "fit": "letterbox",
    }
    generate(hwcnn, net, "--calibrate", "pictures", "--preset", "caffe", "--channels", "RGB")
    assert preprocess(tmp_path)["mean"] == [123.68, 116.779, 103.939]
    generate(hwcnn, net, "--calibrate", "pictures", "--preset", "caffe", "--mean", "1,2,3")
    found = preprocess(tmp_path)
    assert (found["mean"], found["order"]) == ([1.0, 2.0, 3.0], "BGR")


@pytest.mark.parametrize(
    "options,what",
    [
        (("--preset", "torchvison"), "--preset torchvison: did you mean torchvision?"),
        (("--calibration", "minmx"), "--calibration minmx: did you mean minmax?"),
        (("--mean", "0.485", "--scale", "1/0.229"), "--mean 0.485: values would reach 1,111"),
    ],
)
def test_what_is_refused(hwcnn, net, options, what):
    outcome = generate(hwcnn, net, *options)
    assert outcome.code == 2
    assert what in outcome.err
    assert outcome.err.count("\n") == 1


def test_corrected_biases_and_methods_change_the_weights(hwcnn, net, tmp_path):
    found = set()
    for options in ((), ("--no-bias-correction",), ("--calibration", "entropy")):
        generate(hwcnn, net, "--calibrate", "pictures", "--preset", "tf", *options)
        found.add((tmp_path / "made" / "weights.bin").read_bytes())
    assert len(found) == 3


def test_processors_on_which_onnxruntime_saturates(hwcnn, monkeypatch):
    monkeypatch.setattr("hwcnn.generator.lacks_vnni", lambda: True)
    err = generate(hwcnn, "digits").err
    assert err.count("note:") == 1
    assert "session.x64quantprecision" in err


def test_few_samples_raise_doubt(hwcnn, net):
    outcome = generate(hwcnn, net, "--calibrate", "pictures/0.png", "--preset", "tf")
    assert outcome.code == 0
    assert outcome.err.count("note:") == 1
    assert "1 sample(s)" in outcome.err
