"""The verbs on networks of which the host runs parts."""

import json
import subprocess

import nets
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from hwcnn.frontend.model.session import session


def island(path, shape=(1, 3, 8, 8)):
    """conv, ReLU, a sum along rows that only the host has, conv, and a residual from before it."""
    a, wa = nets.conv("first", "x", "a", 3, 8)
    b, wb = nets.conv("second", "c", "d", 8, 8, seed=1)
    nodes = [
        *(a, helper.make_node("Relu", ["a"], ["b"], name="relu")),
        helper.make_node("CumSum", ["b", "axis"], ["c"], name="sums"),
        *(b, helper.make_node("Add", ["d", "b"], ["y"], name="residual")),
    ]
    axis = numpy_helper.from_array(np.array(2), "axis")
    onnx.save(nets.model(nodes, [wa, wb, axis], shape), path)
    return path


@pytest.fixture
def split(hwcnn, tmp_path):
    """A generated folder of `island` on 8x8, and what `generate` said of it."""
    island(tmp_path / "net.onnx")
    outcome = hwcnn("generate", "--model", "net.onnx", "--pe", "8x8", "--json")
    assert outcome.code == 0, outcome.err
    return tmp_path / "build/net-8x8", outcome.json


def test_generate_says_what_the_host_does(hwcnn, split):
    folder, made = split
    assert made["host_nodes"] == [
        {"name": "sums", "op": "CumSum", "reason": "the accelerator has no such operator"}
    ]
    assert made["host_macs"] == 0
    assert made["macs"] == 64 * 9 * (3 * 8 + 8 * 8)
    shown = " ".join(hwcnn("generate", "--model", "net.onnx", "--pe", "8x8").out.split())
    assert "host 1 nodes, 0.0 % of the MACs: sums (CumSum): the accelerator has no" in shown
    names = {p.name for p in folder.iterdir()}
    assert names >= {"program.bin", "program_1.bin", "weights.bin", "weights_1.bin", "host_0.onnx"}
    steps = json.loads((folder / "manifest.json").read_text())["steps"]
    assert [step["file"] for step in steps] == ["program.bin", "host_0.onnx", "program_1.bin"]
    network = (folder / "hwcnn_network.h").read_text()
    assert "#define HWCNN_PROGRAMS 2u" in network
    assert " * host_0.onnx: from b_DequantizeLinear_Output to c\n" in network


def test_the_driver_runs_each_program_in_its_part_of_memory(split, tmp_path):
    """The C driver, linked with a main that plays the registers."""
    folder, _ = split
    (tmp_path / "main.c").write_text("""
#include <stdio.h>
#include "hwcnn.h"
#include "hwcnn_network.h"
#include "hwcnn_registers.h"
static uint32_t regs[1024];
static uint8_t dram[HWCNN_DRAM_BYTES], program[HWCNN_DRAM_BYTES], weights[HWCNN_DRAM_BYTES];
int main(int argc, char **argv) {
    hwcnn_t dev = {regs, dram, 0x40000000u};
    regs[HWCNN_ID / 4] = HWCNN_ID_VALUE;
    regs[HWCNN_KEY / 4] = HWCNN_KEY_VALUE;
    regs[HWCNN_VERSION / 4] = HWCNN_VERSION_VALUE;
    regs[HWCNN_STATUS / 4] = HWCNN_STATUS_DONE_MASK;
    for (uint32_t i = 0; i < HWCNN_PROGRAMS; ++i) {
        FILE *f = fopen(argv[2 * i + 1], "rb"), *g = fopen(argv[2 * i + 2], "rb");
        fread(program, 1, sizeof program, f);
        fread(weights, 1, sizeof weights, g);
        if (argc != 5 || hwcnn_load(&dev, i, program, weights) != HWCNN_OK) return 1;
        if (hwcnn_run(&dev, i, 100, NULL) != HWCNN_OK) return 2;
        printf("%u %u ", regs[HWCNN_BASE / 4] - 0x40000000u, regs[HWCNN_PROGRAM / 4]);
    }
    fwrite(dram, 1, sizeof dram, stderr);
    return 0;
}
""")
    build = ["cc", "-std=c99", f"-I{folder}", "main.c", folder / "hwcnn.c", "-o", "a"]
    subprocess.run(build, check=True, cwd=tmp_path)
    names = ["program.bin", "weights.bin", "program_1.bin", "weights_1.bin"]
    ran = subprocess.run(
        [tmp_path / "a", *(folder / n for n in names)], capture_output=True, check=True
    )
    first, second = json.loads((folder / "manifest.json").read_text())["programs"]
    bases = [0, first["dram_bytes"]]
    at = [p["memory"]["program"]["addr"] for p in (first, second)]
    assert [int(word) for word in ran.stdout.split()] == [bases[0], at[0], bases[1], at[1]]
    for base, address, name in zip(bases, at, names[::2], strict=True):
        data = (folder / name).read_bytes()
        assert ran.stderr[base + address : base + address + len(data)] == data


def test_without_the_host_it_is_refused(hwcnn, split):
    outcome = hwcnn("generate", "--model", "net.onnx", "--pe", "4x4", "--no-host")
    assert outcome.code == 2
    assert "sums (CumSum): the accelerator has no such operator" in outcome.err


def test_a_cut_that_is_no_value(hwcnn, split):
    outcome = hwcnn("generate", "--model", "net.onnx", "--cut", "dd")
    assert outcome.code == 2
    assert outcome.err.startswith("hwcnn: --cut dd: the network has no such value")


@pytest.mark.parametrize("batch", [1, 2])
def test_the_whole_is_what_onnxruntime_gives(hwcnn, tmp_path, batch):
    island(tmp_path / "net.onnx")
    made = hwcnn("generate", "--model", "net.onnx", "--pe", "4x8", "--batch", batch, "--json").json
    x = np.random.default_rng(5).standard_normal((3, 3, 8, 8), np.float32)
    np.save(tmp_path / "x.npy", x)
    outcome = hwcnn("simulate", "--engine", "isa", "--input", "x.npy", "--json")
    assert outcome.code == 0
    values = outcome.json
    assert values["mismatches"] == 0
    assert values["elements_compared"] == 64 * 8 * 2 * (3 if batch == 1 else 4)
    assert values["macs"] == made["macs"] == batch * 64 * 9 * (3 * 8 + 8 * 8)
    assert [row["name"] for row in values["layers"]] == ["first", "second"]
    whole = session(onnx.load(f"{made['out']}/quantized.onnx"))
    for image, found in zip(x, values["outputs"], strict=True):
        (expected,) = whole.run(None, {"x": image[None]})
        top = found["outputs"]["y"]["top"][0]
        assert found["outputs"]["y"]["shape"] == [1, 8, 8, 8]
        assert top["value"] == pytest.approx(expected.max(), rel=1e-6)


def test_the_end_result_is_compared_with_the_models(hwcnn, tmp_path, split):
    x = np.random.default_rng(5).standard_normal((2, 3, 8, 8), np.float32)
    np.save(tmp_path / "x.npy", x)
    given, quantised = (session(onnx.load(p)) for p in ("net.onnx", split[0] / "quantized.onnx"))
    real, found = (
        np.concatenate([run.run(None, {"x": i[None]})[0] for i in x]) for run in (given, quantised)
    )
    outcome = hwcnn("simulate", "--engine", "golden", "--input", "x.npy", "--json")
    (close,) = outcome.json["against_float"].values()
    assert close["max_abs_error"] == pytest.approx(np.abs(real - found).max(), rel=1e-5)
    ratio = np.square(real).sum() / np.square(real - found).sum()
    assert close["sqnr_db"] == pytest.approx(10 * np.log10(ratio), abs=0.01)
    island(tmp_path / "net.onnx", (1, 3, 8, 9))
    outcome = hwcnn("simulate", "--engine", "golden", "--input", "x.npy", "--json")
    assert outcome.json["against_float"] == {}
    assert "net.onnx: it is gone, or was changed" in outcome.err


def test_a_layer_behind_the_host_alone(hwcnn, split):
    values = hwcnn("simulate", "--engine", "isa", "--layer", "second", "--json").json
    assert values["mismatches"] == 0
    assert [row["name"] for row in values["layers"]] == ["second"]


def test_a_damaged_part_of_the_host(hwcnn, split):
    folder, _ = split
    (folder / "host_0.onnx").write_bytes(b"x")
    outcome = hwcnn("simulate", "--engine", "isa")
    assert outcome.code == 3
    assert "host_0.onnx" in outcome.err


def test_int8_for_an_input_of_the_host_is_refused(hwcnn, tmp_path):
    a, w = nets.conv("first", "s", "y", 3, 8)
    sums = helper.make_node("CumSum", ["x", "axis"], ["s"], name="sums")
    axis = numpy_helper.from_array(np.array(2), "axis")
    onnx.save(nets.model([sums, a], [w, axis], (1, 3, 8, 8)), tmp_path / "net.onnx")
    assert hwcnn("generate", "--model", "net.onnx", "--pe", "4x4").code == 0
    np.save(tmp_path / "q.npy", np.zeros((3, 8, 8), np.int8))
    outcome = hwcnn("simulate", "--engine", "isa", "--input", "q.npy")
    assert outcome.code == 2
    assert "input 'x' is read by the host: give it real numbers" in outcome.err


def test_cycles_are_those_of_all_programs(hwcnn, split):
    """In RTL, and a trace of both programs."""
    estimated = hwcnn("estimate", "performance", "--json").json
    outcome = hwcnn("simulate", "--trace", "trace.json", "--json")
    assert outcome.code == 0, outcome.err
    measured = outcome.json
    assert measured["mismatches"] == 0
    assert measured["cycles"] == pytest.approx(estimated["cycles"], rel=0.05)
    assert [row["name"] for row in estimated["layers"]] == ["first", "second"]
    assert estimated["host_nodes"] == 1
    assert "1, not in the cycles" in hwcnn("estimate", "performance").out
    with open("trace.json") as file:
        events = json.load(file)["traceEvents"]
    assert {event["pid"] for event in events} == {0, 1}
