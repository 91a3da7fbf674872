"""The verbs on networks of which the host runs parts."""

import json

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
    with open("trace.json") as file:
        events = json.load(file)["traceEvents"]
    assert {event["pid"] for event in events} == {0, 1}
