"""What each verb prints and writes."""

import json
import subprocess
from pathlib import Path

import nets
import numpy as np
import pytest
from hwcnn.models.classification.digits import PICTURES

from hwcnn import models
from hwcnn.estimate.devices import DEVICES

GENERATE = {
    "model",
    "pe",
    "out",
    "macs",
    "params",
    "ops",
    "instructions",
    "weight_bytes",
    "program_bytes",
    "dram_bytes",
    "seconds",
}
SIMULATE = {
    "engine",
    "model",
    "pe",
    "cycles",
    "macs",
    "conv_macs",
    "conv_cycles",
    "mac_utilisation",
    "conv_mac_utilisation",
    "multipliers",
    "multiplier_utilisation",
    "elements_compared",
    "mismatches",
    "max_abs_error",
    "dram_read_bytes",
    "dram_write_bytes",
    "stall_cycles",
    "seconds",
    "build_seconds",
    "cycles_per_second",
    "layers",
    "outputs",
}
LAYER = {"name", "op", "cycles", "macs", "mismatches"}
#: Of digits: 28x28x16x9 + 14x14x(16x32x9 + 32x32x9) + 7x7x32x64x9 + 64x10.
DIGITS_MACS = 112_896 + 196 * (4_608 + 9_216) + 49 * 18_432 + 640


def test_generate(hwcnn):
    outcome = hwcnn("generate", "--model", "digits", "--pe", "8x8", "--json")
    assert outcome.code == 0
    assert set(outcome.json) >= GENERATE
    assert outcome.json["macs"] == DIGITS_MACS
    assert outcome.json["out"] == "build/digits-8x8"
    assert outcome.json["params"] == 16 * 10 + 32 * 145 + 32 * 289 + 64 * 289 + 650
    out = Path("build/digits-8x8")
    for name in (
        "accelerator.v",
        "program.bin",
        "weights.bin",
        "manifest.json",
        "quantized.onnx",
        "hwcnn.h",
        "hwcnn.c",
    ):
        assert (out / name).stat().st_size > 100, name
    assert outcome.json["program_bytes"] == (out / "program.bin").stat().st_size
    assert outcome.json["weight_bytes"] == (out / "weights.bin").stat().st_size
    assert sorted(p.name for p in Path("build").iterdir()) == [".last", "digits-8x8"]


@pytest.mark.parametrize("taps", [0, 3])
def test_parameters_are_the_networks_whatever_computes_them(hwcnn, tmp_path, taps):
    net = nets.depthwise(tmp_path / "net.onnx")
    config = tmp_path / "accelerator.toml"
    config.write_text(f"rows = 4\ncols = 4\ndw_taps = {taps}\n")
    outcome = hwcnn("generate", "--model", net, "--config", config, "--json")
    assert outcome.code == 0
    assert outcome.json["params"] == 20 * (3 * 9 + 1) + 20 * (9 + 1)


def test_generate_names_what_the_host_does(hwcnn):
    assert "Softmax" in hwcnn("generate", "--model", "digits", "--pe", "8x8").out


def test_generate_replaces_and_repeats(hwcnn):
    def generate():
        assert hwcnn("generate", "--model", "digits", "--pe", "8x8").code == 0
        return {p.name: p.read_bytes() for p in Path("build/digits-8x8").iterdir()}

    first = generate()
    Path("build/digits-8x8/notes.txt").write_text("mine")
    Path("build/digits-8x8/program.bin").write_bytes(b"damaged")
    assert generate() == first | {"notes.txt": b"mine"}


def test_driver_compiles_without_warnings(generated, tmp_path):
    subprocess.run(
        [
            "cc",
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Wconversion",
            "-Werror",
            "-c",
            generated / "hwcnn.c",
            "-o",
            tmp_path / "a.o",
        ],
        check=True,
    )


def test_driver_against_memory(generated, tmp_path):
    """The C driver, linked with a main that plays the registers: it puts the files where the
    manifest says and starts.
    """
    (program,) = json.loads((generated / "manifest.json").read_text())["programs"]
    memory = program["memory"]
    (tmp_path / "main.c").write_text("""
#include <stdio.h>
#include "hwcnn.h"
#include "hwcnn_network.h"
#include "hwcnn_registers.h"
static uint32_t regs[1024];
static uint8_t dram[HWCNN_DRAM_BYTES], program[PROGRAM_BYTES], weights[WEIGHTS_BYTES];
int main(int argc, char **argv) {
    FILE *f = fopen(argv[1], "rb"), *g = fopen(argv[2], "rb"), *h = fopen(argv[3], "wb");
    if (argc != 4) return 9;
    if (fread(program, 1, sizeof program, f) != sizeof program) return 9;
    if (fread(weights, 1, sizeof weights, g) != sizeof weights) return 9;
    hwcnn_t dev = {regs, dram, 0x40000000u};
    if (hwcnn_load(&dev, 0, program, weights) != HWCNN_WRONG_HARDWARE) return 1;
    regs[HWCNN_ID / 4] = HWCNN_ID_VALUE;
    regs[HWCNN_KEY / 4] = HWCNN_KEY_VALUE;
    regs[HWCNN_VERSION / 4] = HWCNN_VERSION_VALUE ^ 1u << HWCNN_VERSION_MAJOR_LSB;
    if (hwcnn_load(&dev, 0, program, weights) != HWCNN_WRONG_HARDWARE) return 10;
    regs[HWCNN_VERSION / 4] = HWCNN_VERSION_VALUE;
    if (hwcnn_load(&dev, 0, program, weights) != HWCNN_OK) return 2;
    fwrite(dram, 1, sizeof dram, h);
    fclose(h);
    hwcnn_fault_t fault;
    if (hwcnn_run(&dev, 0, 100, NULL) != HWCNN_TIMEOUT) return 3;
    if (regs[HWCNN_CONTROL / 4] != HWCNN_CONTROL_RESET_MASK) return 3;
    regs[HWCNN_STATUS / 4] = HWCNN_STATUS_DONE_MASK;
    if (hwcnn_run(&dev, 0, 100, &fault) != HWCNN_OK) return 4;
    if (regs[HWCNN_CONTROL / 4] != HWCNN_CONTROL_START_MASK) return 4;
    if (regs[HWCNN_BASE / 4] != 0x40000000u) return 5;
    if (regs[HWCNN_PROGRAM / 4] != PROGRAM_ADDR) return 5;
    if (regs[HWCNN_BUDGET / 4] != HWCNN_CYCLE_BUDGET) return 11;
    regs[HWCNN_STATUS / 4] = HWCNN_ERROR_OPCODE << HWCNN_STATUS_ERROR_LSB;
    if (hwcnn_run(&dev, 0, 100, &fault) != (int)HWCNN_ERROR_OPCODE) return 6;
    if (fault.error != HWCNN_ERROR_OPCODE || fault.located) return 6;
    regs[HWCNN_FAULT_ADDR / 4] = 0x40001230u;
    regs[HWCNN_STATUS / 4] = HWCNN_ERROR_WRITE << HWCNN_STATUS_ERROR_LSB
        | 1u << HWCNN_STATUS_CLIENT_LSB | HWCNN_STATUS_LOCATED_MASK;
    if (hwcnn_run(&dev, 0, 100, &fault) != (int)HWCNN_ERROR_WRITE) return 7;
    if (fault.client != 1 || !fault.located || fault.addr != 0x40001230u) return 7;
    if (hwcnn_reset(&dev, 100) != HWCNN_OK) return 8;
    regs[HWCNN_STATUS / 4] = HWCNN_STATUS_RESETTING_MASK; /* a bus that never answers */
    regs[HWCNN_CONTROL / 4] = 0;
    if (hwcnn_reset(&dev, 100) != HWCNN_BUS_DEAD) return 12;
    if (regs[HWCNN_CONTROL / 4] != HWCNN_CONTROL_RESET_MASK) return 12;
    return hwcnn_run(&dev, 0, 100, NULL) == HWCNN_BUS_DEAD ? 0 : 13;
}
""")
    subprocess.run(
        [
            "cc",
            "-std=c99",
            f"-I{generated}",
            f"-DPROGRAM_BYTES={memory['program']['size']}",
            f"-DPROGRAM_ADDR={memory['program']['addr']}",
            f"-DWEIGHTS_BYTES={memory['weights']['size']}",
            tmp_path / "main.c",
            generated / "hwcnn.c",
            "-o",
            tmp_path / "a",
        ],
        check=True,
    )
    subprocess.run(
        [tmp_path / "a", generated / "program.bin", generated / "weights.bin", tmp_path / "dram"],
        check=True,
    )
    dram = (tmp_path / "dram").read_bytes()
    assert len(dram) == program["dram_bytes"]
    for name in ("program", "weights"):
        at, data = memory[name]["addr"], (generated / f"{name}.bin").read_bytes()
        assert dram[at : at + len(data)] == data


@pytest.mark.parametrize("engine", ["golden", "isa"])
def test_simulate(hwcnn, generated, engine):
    outcome = hwcnn("simulate", generated, "--engine", engine, "--json")
    values = outcome.json
    assert outcome.code == 0
    assert set(values) >= SIMULATE
    assert all(set(row) >= LAYER for row in values["layers"])
    assert values["macs"] == DIGITS_MACS
    assert values["conv_macs"] == DIGITS_MACS - 640
    assert values["cycles"] is None
    # Every tensor but the input: conv1, pool1, conv2, conv3, pool2, conv4, pool4, fc.
    elements = 784 * 16 + 196 * (16 + 32 + 32) + 49 * (32 + 64) + 64 + 10
    assert values["elements_compared"] == (elements if engine == "isa" else 0)
    assert values["mismatches"] == 0


def test_simulate_pictures_and_their_classes(hwcnn, generated):
    pictures = [PICTURES / name for name in ("00_0.png", "04_2.png", "14_7.png")]
    values = hwcnn("simulate", "--engine", "isa", "--json", generated, "--input", *pictures).json
    assert [item["input"] for item in values["outputs"]] == [p.name for p in pictures]
    answers = [item["outputs"]["probabilities"]["top"][0]["label"] for item in values["outputs"]]
    assert answers == ["0", "2", "7"]
    assert len(values["outputs"][0]["outputs"]["probabilities"]["top"]) == 5


def test_labels_of_a_file(hwcnn, generated, tmp_path):
    names = "zero one two three four five six seven eight nine".split()
    (tmp_path / "ten.txt").write_text("\n".join(names))
    (tmp_path / "two.txt").write_text("zero\none\n")
    picture = sorted(PICTURES.glob("*_3.png"))[0]
    arguments = ("simulate", generated, "--engine", "golden", "--input", picture)
    outcome = hwcnn(*arguments, "--labels", "ten.txt", "--json")
    answer = outcome.json["outputs"][0]["answer"]
    assert (answer["task"], answer["picture"]) == ("classify", None)
    assert answer["classes"][0]["label"] == "three" and answer["text"].startswith("three (0.9")
    assert "three (0.9" in hwcnn(*arguments, "--labels", "ten.txt").out
    outcome = hwcnn(*arguments, "--labels", "two.txt")
    assert (outcome.code, outcome.err) == (
        2,
        "hwcnn: --labels: 2 labels, but the network has 10 classes: give a line for each\n",
    )
    outcome = hwcnn(*arguments, "--task", "masks")
    assert outcome.code == 2 and outcome.err.startswith("hwcnn: --task: masks: an output of shape")
    assert outcome.err.count("\n") == 1


def test_many_files_after_one_option(hwcnn, generated):
    names = [str(PICTURES / name) for name in ("00_0.png", "04_2.png", "14_7.png")]
    first, *others = names
    for words in (
        ["--input", *names],
        [f"--input={first}", *others],
        ["--input", first, f"--input={others[0]}", others[1]],
    ):
        for arguments in ([generated, *words], [*words, generated]):
            values = hwcnn("simulate", "--engine", "golden", "--json", *arguments).json
            assert [item["input"] for item in values["outputs"]] == [
                "00_0.png",
                "04_2.png",
                "14_7.png",
            ]


def test_folder_of_pictures_and_arrays_agree(hwcnn, generated, tmp_path):
    from PIL import Image

    whole = hwcnn("simulate", generated, "--engine", "golden", "--json", "--input", PICTURES).json[
        "outputs"
    ]
    pictures = sorted(PICTURES.glob("*.png"))
    assert len(whole) == len(pictures)
    pixels = np.stack(
        [np.asarray(Image.open(p).convert("L"), np.float32)[None] / 255 for p in pictures]
    )
    np.save(tmp_path / "all.npy", pixels)
    np.save(tmp_path / "bytes.npy", np.rint(pixels[:, 0] * 255).astype(np.uint8))
    for name in ("all.npy", "bytes.npy"):
        arrays = hwcnn("simulate", generated, "--engine", "golden", "--json", "--input", name).json[
            "outputs"
        ]
        assert [a["outputs"] for a in arrays] == [w["outputs"] for w in whole]


def test_int8_arrays_are_taken_as_they_are(hwcnn, generated, tmp_path):
    x = np.random.default_rng(3).integers(-128, 128, (1, 28, 28), np.int8)
    np.save(tmp_path / "q.npy", x)
    from hwcnn import artifact, golden
    from hwcnn.sim.network import Network

    (design,) = Network.of(artifact.Generated(generated)).designs
    graph = design.graph
    expected = golden.host_outputs(graph, golden.run(graph, {graph.inputs[0]: x[None]}))[
        "probabilities"
    ][0]
    top = hwcnn("simulate", generated, "--engine", "isa", "--json", "--input", "q.npy").json[
        "outputs"
    ][0]["outputs"]["probabilities"]["top"]
    assert [t["index"] for t in top] == list(np.argsort(-expected, kind="stable")[:5])
    assert [t["value"] for t in top] == pytest.approx(np.sort(expected)[::-1][:5])


@pytest.mark.parametrize(
    "layer,elements", [("conv1", 784 * 16), ("pool1", 196 * 16), ("conv3", 196 * 32), ("fc", 10)]
)
def test_one_layer_alone(hwcnn, generated, layer, elements):
    values = hwcnn("simulate", generated, "--engine", "isa", "--layer", layer, "--json").json
    assert values["elements_compared"] == elements
    assert values["mismatches"] == 0
    assert [row["name"] for row in values["layers"]] == [layer]


def test_batch(hwcnn):
    assert (
        hwcnn("generate", "--model", "digits", "--pe", "8x8", "--batch", "4", "--out", "four").code
        == 0
    )
    pictures = sorted(PICTURES.glob("*.png"))[:6]
    values = hwcnn("simulate", "--engine", "isa", "--json", "--input", *pictures).json
    assert values["macs"] == 4 * DIGITS_MACS
    assert values["mismatches"] == 0
    assert len(values["outputs"]) == 6
    assert [item["outputs"]["probabilities"]["top"][0]["label"] for item in values["outputs"]] == [
        p.stem[-1] for p in pictures
    ]


def test_own_onnx_file(hwcnn, tmp_path):
    nets.small(tmp_path / "net.onnx")
    np.savez(
        tmp_path / "samples.npz",
        x=np.random.default_rng(0).standard_normal((5, 3, 12, 12), np.float32),
    )
    made = hwcnn(
        "generate", "--model", "net.onnx", "--pe", "8x8", "--calibrate", "samples.npz", "--json"
    ).json
    assert made["out"] == "build/net-8x8"
    assert made["macs"] == 144 * 20 * 27 + 36 * 9 * 180
    values = hwcnn("simulate", "--engine", "isa", "--input", "samples.npz", "--json").json
    assert values["model"] == "net"
    assert len(values["outputs"]) == 5
    assert values["mismatches"] == 0
    assert values["elements_compared"] == 5 * (144 * 20 + 36 * 20 + 36 * 9)


def test_seeded_noise_is_the_input_where_none_is_given(hwcnn, tmp_path):
    nets.small(tmp_path / "net.onnx")
    hwcnn("generate", "--model", "net.onnx", "--pe", "8x8")
    first, again, other = (
        hwcnn("simulate", "--engine", "golden", "--json", "--seed", s).json["outputs"]
        for s in (1, 1, 2)
    )
    assert first == again != other


def test_a_mismatch_is_reported_with_its_place_and_exits_1(hwcnn, generated, tmp_path, monkeypatch):
    from hwcnn.sim.engines import isa_engine

    (manifest,) = json.loads((generated / "manifest.json").read_text())["programs"]
    layer = manifest["layers"][3]
    place = manifest["tensors"][layer["tensor"]]["placement"]
    honest = isa_engine.run

    def wrong(program, dram, config):
        honest(program, dram, config)
        dram[place["addr"] + 14 * 8 + 2 * 8 + 5] ^= 1  # channel 5, row 1, column 2

    monkeypatch.setattr(isa_engine, "run", wrong)
    outcome = hwcnn("simulate", generated, "--engine", "isa", "--json")
    assert outcome.code == 1
    assert outcome.json["mismatches"] == 1
    assert outcome.json["max_abs_error"] == 1
    assert [row["mismatches"] for row in outcome.json["layers"]] == [0, 0, 0, 1, 0, 0, 0, 0]
    for word in (layer["name"], layer["tensor"], "(0, 5, 1, 2)", "POST number"):
        assert word in outcome.err


def test_estimate_performance(hwcnn, generated):
    outcome = hwcnn("estimate", "performance", generated, "--json")
    values = outcome.json
    assert outcome.code == 0
    assert {
        "cycles",
        "bound_cycles",
        "mac_utilisation",
        "dram_read_bytes",
        "dram_write_bytes",
        "fps_at_mhz",
        "layers",
    } <= set(values)
    assert sum(row["cycles"] for row in values["layers"]) == values["cycles"] > DIGITS_MACS / 64
    assert values["mac_utilisation"] == pytest.approx(DIGITS_MACS / 64 / values["cycles"])
    assert DIGITS_MACS / 64 <= values["bound_cycles"] <= values["cycles"]
    assert values["fps_at_mhz"]["200"] == pytest.approx(200e6 / values["cycles"], rel=1e-3)
    direct = hwcnn("estimate", "performance", "--model", "digits", "--pe", "8x8", "--json").json
    assert direct["macs"] == DIGITS_MACS


def test_the_shape_of_an_input_left_open(hwcnn, tmp_path):
    path = nets.small(tmp_path / "m.onnx", ("N", 3, "H", "W"))
    common = ("--model", path, "--pe", "8x8", "--shape", "x=1,3,10,14", "--json")
    made = hwcnn("generate", *common, "--out", tmp_path / "out").json
    assert made["macs"] == 10 * 14 * 20 * 27 + 5 * 7 * 9 * 180
    assert hwcnn("estimate", "performance", *common).json["macs"] == made["macs"]


def test_lists(hwcnn):
    listed = hwcnn("models", "--json").json["models"]
    assert [m["name"] for m in listed] == models.names()
    (unet,) = (m for m in listed if m["name"] == "unet")
    assert (unet["task"], unet["input"]) == ("segmentation", [1, 316, 316])
    assert unet["gmacs"] > 20 and "arXiv:1505.04597" in unet["citation"]
    assert [d["name"] for d in hwcnn("devices", "--json").json["devices"]] == list(DEVICES)
    ops = {o["name"] for o in hwcnn("ops", "--json").json["ops"]}
    assert {"Conv", "MaxPool", "Gemm", "LRN", "Concat"} <= ops


@pytest.mark.parametrize(
    "verb, words",
    [
        ("models", ["digits", "resnet50", "key points"]),
        ("devices", ["xc7z020"]),
        ("ops", ["Conv", "LRN"]),
    ],
)
def test_lists_as_tables(hwcnn, verb, words):
    outcome = hwcnn(verb)
    assert outcome.code == 0
    assert outcome.err == ""
    for word in words:
        assert word in outcome.out


def test_help(hwcnn):
    for arguments in (["--help"], ["generate", "--help"], ["estimate", "--help"]):
        assert hwcnn(*arguments).code == 0
