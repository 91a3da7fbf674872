"""Bad input: exit code 2, one clear line on stderr, nothing half-written."""

import json
import shutil
from pathlib import Path

import nets
import numpy as np
import pytest
from PIL import Image

from hwcnn import artifact, generator, isa


def refused(outcome, *words):
    """The command failed as it should, and its one line holds all the words."""
    assert outcome.code == 2
    assert outcome.out == ""
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("hwcnn: "), outcome.err
    for word in words:
        assert word in lines[0]


def untouched():
    """Nothing was written but what the tests put there."""
    return not Path("build").exists() or not list(Path("build").iterdir())


def test_unknown_model_suggests_near_names(hwcnn):
    refused(hwcnn("generate", "--model", "alxnet", "--pe", "16x16"), "alxnet", "alexnet")
    assert untouched()


def test_a_name_with_a_dot_is_a_name(hwcnn):
    refused(hwcnn("generate", "--model", "squeezenet1.1", "--pe", "3x3"), "rows")
    refused(hwcnn("estimate", "performance", "--model", "squeezenet1.2"), "squeezenet1.2")


def test_missing_file(hwcnn):
    refused(hwcnn("generate", "--model", "no/such.onnx"), "no/such.onnx", "no such file")


@pytest.mark.parametrize("content", [b"", b"not a model at all", bytes(range(256)) * 40])
def test_not_onnx(hwcnn, tmp_path, content):
    (tmp_path / "bad.onnx").write_bytes(content)
    refused(hwcnn("generate", "--model", "bad.onnx"), "bad.onnx")
    assert untouched()


def test_truncated(hwcnn, tmp_path):
    data = nets.small(tmp_path / "whole.onnx").read_bytes()
    for part in (0.3, 0.9):
        (tmp_path / "cut.onnx").write_bytes(data[: int(part * len(data))])
        refused(hwcnn("generate", "--model", "cut.onnx"), "cut.onnx")
    assert untouched()


def test_all_unknown_operators_are_listed(hwcnn, tmp_path):
    nets.unsupported(tmp_path / "net.onnx")
    refused(
        hwcnn("generate", "--model", "net.onnx", "--no-host"),
        "strange",
        "LpNormalization",
        "stranger",
        "Hardmax",
    )
    assert untouched()


def test_dynamic_shape(hwcnn, tmp_path):
    nets.small(tmp_path / "net.onnx", (1, 3, "height", 12))
    refused(hwcnn("generate", "--model", "net.onnx"), "net.onnx", "'x'", "height")


def test_layer_that_does_not_fit_is_named(hwcnn, tmp_path):
    nets.too_wide(tmp_path / "net.onnx")
    (tmp_path / "small.toml").write_text("act_kib = 4\nacc_depth = 64\n")
    refused(
        hwcnn("generate", "--model", "net.onnx", "--pe", "16x16", "--config", "small.toml"), "huge"
    )
    assert untouched()


@pytest.mark.parametrize("pe", ["16", "axb", "16x", "12x16", "128x16", "0x0", "-4x4"])
def test_bad_pe(hwcnn, pe):
    outcome = hwcnn("generate", "--model", "digits", f"--pe={pe}")
    refused(outcome)
    assert "--pe" in outcome.err or "rows" in outcome.err or "cols" in outcome.err


@pytest.mark.parametrize(
    "text,words",
    [
        ("rows = 3", ["rows"]),
        ("speed = 9", ["speed", "known"]),
        ("rows = [", ["bad.toml"]),
        ('features = ["lrn", "gelu"]', ["gelu"]),
        ('features = "pool"', ["'pool'", 'such as ["pool"]']),
        ('features = [1, ["lrn"]]', ["[1, ['lrn']]", "list of names"]),
        ("axi_bytes = 12", ["axi_bytes"]),
        ('rows = 8\ncols = "x"', ["cols = 'x'"]),
        ("rows = [4]\ncols = 4", ["rows = [4]"]),
        ("rows = true", ["rows = True"]),
        ("[rows]\ncols = 4", ["rows = {"]),
        ("act_kib = 64.0", ["act_kib = 64.0"]),
        ("rows = 1e999", ["rows = inf"]),
    ],
)
def test_bad_configuration(hwcnn, tmp_path, text, words):
    (tmp_path / "bad.toml").write_text(text)
    refused(hwcnn("generate", "--model", "digits", "--config", "bad.toml"), *words)


def test_a_configuration_that_cannot_be_read(hwcnn, tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\x9b\x00")
    for name, why in (
        ("nowhere.toml", "No such file"),
        (".", "Is a directory"),
        ("binary.toml", "utf-8"),
    ):
        refused(
            hwcnn("generate", "--model", "digits", "--config", name),
            f"{name}: cannot read the accelerator configuration: ",
            why,
        )


def test_a_folder_that_is_not_generated_is_left_alone(hwcnn, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused(
        hwcnn("generate", "--model", "digits", "--out", "mine"), "mine", "not a generated folder"
    )
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    refused(hwcnn("simulate", "mine"), "mine", "manifest.json")


def test_out_that_cannot_be_written(hwcnn, tmp_path):
    (tmp_path / "file").write_text("")
    refused(
        hwcnn("generate", "--model", "digits", "--out", "file/below"), "file/below", "cannot write"
    )
    refused(
        hwcnn("generate", "--model", "digits", "--out", "file"), "file", "not a generated folder"
    )


@pytest.mark.parametrize("batch", ["0", "-1", "100000", "1e3"])
def test_bad_batch(hwcnn, batch):
    for verb in (("generate",), ("estimate", "performance")):
        refused(hwcnn(*verb, "--model", "digits", "--batch", batch), "--batch")


def test_a_batch_that_memory_does_not_hold(hwcnn, tmp_path, monkeypatch):
    """Said before any work is done."""
    nets.small(tmp_path / "net.onnx", (1, 3, 2000, 2000))
    monkeypatch.delattr(generator, "partition")
    size = 256 * (3 * 2000**2 + 20 * 2000**2 + 9 * 1000**2)
    refused(
        hwcnn("generate", "--model", "net.onnx", "--batch", "256"),
        "net.onnx",
        f"{size} bytes",
        "batch of 256",
        "4 GiB",
    )


def test_a_batch_that_takes_too_many_instructions(hwcnn, tmp_path, monkeypatch):
    nets.small(tmp_path / "net.onnx", (1, 3, 6, 6))
    arguments = ("generate", "--model", "net.onnx", "--pe", "8x8", "--out", "one")
    hwcnn(*arguments)
    loads = json.loads(Path("one", "manifest.json").read_text())["programs"][0]["counts"]["load"]
    monkeypatch.setattr(isa, "MAX_WAIT", 500)
    refused(
        hwcnn(*arguments, "--batch", "256"),
        "batch of 256",
        f"{256 * loads} LOAD",
        "at most 500",
        f"{500 // loads} images",
    )


@pytest.mark.parametrize("seed", ["-1", "18446744073709551616", "x"])
def test_bad_seeds(hwcnn, generated, seed):
    refused(hwcnn("generate", "--model", "digits", "--seed", seed), "--seed")
    refused(hwcnn("simulate", generated, "--seed", seed), "--seed")
    refused(hwcnn("simulate", generated, "--stalls", seed), "--stalls")


def test_no_folder_yet(hwcnn):
    refused(hwcnn("simulate"), "generate")
    refused(hwcnn("estimate", "performance"), "generate")


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulat"],
        ["generate"],
        ["generate", "--model"],
        ["simulate", "--frobnicate"],
        ["simulate", "--latency", "soon"],
    ],
)
def test_usage(hwcnn, arguments):
    refused(hwcnn(*arguments))


def test_unknown_device_suggests_near_names(hwcnn):
    refused(
        hwcnn("estimate", "resources", "--pe", "8x8", "--device", "xc7z02"), "xc7z02", "xc7z020"
    )


def test_unknown_engine(generated, hwcnn):
    refused(hwcnn("simulate", generated, "--engine", "fast"), "fast", "golden")


def test_unreadable_picture(generated, hwcnn, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but not really")
    refused(hwcnn("simulate", generated, "--engine", "isa", "--input", "broken.png"), "broken.png")
    refused(
        hwcnn("simulate", generated, "--engine", "isa", "--input", "nowhere.png"),
        "nowhere.png",
        "no such file",
    )


def test_array_of_another_shape(generated, hwcnn, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 5, 5), np.float32))
    refused(
        hwcnn("simulate", generated, "--engine", "isa", "--input", "x.npy"),
        "x.npy",
        "[3, 5, 5]",
        "[1, 28, 28]",
    )
    (tmp_path / "y.npy").write_bytes(b"junk")
    refused(hwcnn("simulate", generated, "--engine", "isa", "--input", "y.npy"), "y.npy")


def test_values_that_are_not_finite(generated, hwcnn, tmp_path):
    np.save(tmp_path / "x.npy", np.full((1, 28, 28), np.nan, np.float32))
    refused(
        hwcnn("simulate", generated, "--engine", "isa", "--input", "x.npy"), "x.npy", "not finite"
    )


def test_unknown_layer(generated, hwcnn):
    refused(hwcnn("simulate", generated, "--engine", "isa", "--layer", "conv9"), "conv9", "conv2")


def test_waves_need_the_rtl(generated, hwcnn):
    refused(hwcnn("simulate", generated, "--engine", "isa", "--waves", "w.fst"), "--waves", "rtl")
    refused(hwcnn("simulate", generated, "--waves", "w.png"), "w.png", ".vcd")
    refused(hwcnn("simulate", generated, "--trace", "no/folder/t.json"), "no/folder/t.json")
    refused(hwcnn("simulate", generated, "--trace", "."), "it is a folder")


def test_bad_calibration(hwcnn, tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK junk")
    refused(hwcnn("generate", "--model", "digits", "--calibrate", "c.npz"), "c.npz")
    nets.small(tmp_path / "net.onnx")
    np.savez(tmp_path / "d.npz", other=np.zeros((1, 3, 12, 13), np.float32))
    refused(
        hwcnn("generate", "--model", "net.onnx", "--calibrate", "d.npz"), "d.npz", "[1, 3, 12, 13]"
    )
    assert untouched()


def test_bad_preprocessing(hwcnn):
    refused(hwcnn("generate", "--model", "digits", "--mean", "grey"), "--mean", "grey")
    refused(hwcnn("generate", "--model", "digits", "--channels", "GBR"), "GBR", "BGR")
    refused(hwcnn("generate", "--model", "digits", "--scale", "1e999"), "--scale", "finite")
    refused(
        hwcnn("generate", "--model", "digits", "--channels", "RGB"),
        "order RGB",
        "the network takes 1",
    )
    refused(
        hwcnn("generate", "--model", "digits", "--mean", "1,2,3"), "mean (1.0, 2.0, 3.0)", "order L"
    )
    assert untouched()


@pytest.mark.parametrize("channels,order", [(1, "L"), (3, "RGB")])
def test_one_mean_serves_all_channels(hwcnn, tmp_path, channels, order):
    """The order follows the network's channels: one value once meant grey, so that pictures of
    three channels were refused later.
    """
    nets.small(tmp_path / "net.onnx", (1, channels, 6, 6))
    options = "--model", "net.onnx", "--pe", "8x8", "--out", "net"
    for given in ((), ("--mean", "127.5", "--scale", "1/127.5")):
        assert hwcnn("generate", *options, *given).code == 0
        made = json.loads((tmp_path / "net" / "manifest.json").read_text())["preprocess"]
        assert (made["order"], made["mean"], made["scale"]) == (order, [127.5], [1 / 127.5])
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "x.png")
    assert hwcnn("simulate", "net", "--engine", "golden", "--input", "x.png").code == 0


def test_a_failed_generation_keeps_the_old_folder(hwcnn, tmp_path, generated):
    shutil.copytree(generated, "kept")
    before = {p.name: p.read_bytes() for p in (tmp_path / "kept").iterdir()}
    nets.unsupported(tmp_path / "net.onnx")
    refused(hwcnn("generate", "--model", "net.onnx", "--no-host", "--out", "kept"))
    assert {p.name: p.read_bytes() for p in (tmp_path / "kept").iterdir()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept", "net.onnx"]


def test_two_generations_into_one_folder(hwcnn, tmp_path):
    """The second one is told so before any work; the first one's folder stays as it is."""
    with artifact.claimed(tmp_path / "out"):
        refused(
            hwcnn("generate", "--model", "digits", "--pe", "4x4", "--out", "out"),
            "--out out: another `hwcnn generate` is writing there; nothing was changed",
        )
    assert not (tmp_path / "out").exists()


def test_files_of_the_user_stay_in_a_folder_that_is_generated_anew(hwcnn, generated, tmp_path):
    shutil.copytree(generated, "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    command = "generate", "--model", nets.small(tmp_path / "net.onnx", (1, 3, 6, 6)), "--pe", "8x8"
    assert hwcnn(*command, "--out", "out").code == 0
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert hwcnn("simulate", "out", "--engine", "isa", "--json").json["model"] == "net"
