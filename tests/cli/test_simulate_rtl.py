"""The whole way: ONNX, program, Verilog, simulation; equal to the reference in every bit of every
tensor.
"""

import json
import shutil

import nets
import onnx
import pylibfst
import pytest
from hwcnn.models.classification.digits import PICTURES

from hwcnn import isa

STALLS = {"weights", "activations", "accumulators", "program", "store"}


def test_digits(hwcnn, generated, tmp_path):
    pictures = [PICTURES / name for name in ("02_1.png", "09_4.png", "17_8.png")]
    outcome = hwcnn("simulate", generated, "--trace", "trace.json", "--json", "--input", *pictures)
    values = outcome.json
    assert outcome.code == 0
    assert values["mismatches"] == 0
    assert values["elements_compared"] == 3 * 33_002
    assert [item["outputs"]["probabilities"]["top"][0]["label"] for item in values["outputs"]] == [
        "1",
        "4",
        "8",
    ]
    assert 3_726_208 / 64 < values["cycles"] < 2 * 3_726_208 / 64
    assert abs(sum(row["cycles"] for row in values["layers"]) - values["cycles"]) < 50
    assert values["mac_utilisation"] == pytest.approx(3_726_208 / 64 / values["cycles"])
    assert set(values["stall_cycles"]) == STALLS
    assert 0 < values["conv_cycles"] < values["cycles"]

    made = json.loads((generated / "manifest.json").read_text())
    assert values["dram_read_bytes"] >= made["programs"][0]["memory"]["weights"]["size"]
    assert values["dram_write_bytes"] >= 33_002
    slices = [
        e
        for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
        if e["ph"] == "X"
    ]
    assert len(slices) == made["programs"][0]["instructions"]["total"] - 1
    assert {e["name"] for e in slices} == {row["name"] for row in values["layers"]}
    assert all(e["dur"] >= 0 and 0 <= e["ts"] <= values["cycles"] for e in slices)
    assert sum(row["array_busy"] for row in values["layers"]) >= 3_726_208 / 64


def test_a_stalling_bus_changes_the_cycles_only(hwcnn, generated):
    picture = PICTURES / "11_5.png"
    plain, stalled, slow = (
        hwcnn("simulate", generated, *more, "--json", "--input", picture).json
        for more in ([], ["--stalls", "5"], ["--latency", "200"])
    )
    assert plain["mismatches"] == stalled["mismatches"] == slow["mismatches"] == 0
    assert (
        plain["outputs"][0]["outputs"]
        == stalled["outputs"][0]["outputs"]
        == slow["outputs"][0]["outputs"]
    )
    assert stalled["cycles"] > plain["cycles"]
    assert slow["cycles"] > plain["cycles"]


@pytest.mark.parametrize("layer", ["conv2", "pool2", "fc"])
def test_one_layer_alone(hwcnn, generated, layer):
    values = hwcnn("simulate", generated, "--layer", layer, "--json").json
    assert values["mismatches"] == 0
    assert values["cycles"] > 0
    assert [row["name"] for row in values["layers"]] == [layer]


def test_the_estimate_is_near_the_rtl(hwcnn, generated):
    simulated = hwcnn("simulate", generated, "--json").json["cycles"]
    assert hwcnn("estimate", "performance", generated, "--json").json["cycles"] == pytest.approx(
        simulated, rel=0.1
    )


def test_a_wrong_weight_is_found(hwcnn, generated, tmp_path):
    """The comparison compares: a bit flipped in weights.bin."""
    shutil.copytree(generated, tmp_path / "copy")
    nets.resealed(tmp_path / "copy", "weights.bin", lambda data: bytes([data[0] ^ 0x40]) + data[1:])
    outcome = hwcnn("simulate", "copy", "--json")
    assert outcome.code == 1
    assert outcome.json["mismatches"] > 0
    assert "layer 'conv1'" in outcome.err
    assert "POST number" in outcome.err


def test_a_program_that_never_ends_is_no_mismatch(hwcnn, generated, tmp_path):
    """The first LOAD waits for an ARRAY that never comes: exit code 3, and one line that says who
    waits.
    """
    shutil.copytree(generated, tmp_path / "copy")
    at = 8 + isa.WAIT_BITS * isa.COUNTERS.index("array")

    def wait(program):
        place, size = next((p, s) for p, i, s in instructions(program) if i is isa.LOAD)
        word = int.from_bytes(program[place : place + size], "little") | 5000 << at
        return program[:place] + word.to_bytes(size, "little") + program[place + size :]

    nets.resealed(tmp_path / "copy", "program.bin", wait)
    outcome = hwcnn("simulate", "copy", "--json")
    assert (outcome.code, outcome.out) == (3, "")
    assert len(outcome.err.strip().splitlines()) == 1
    assert "load: 0 of" in outcome.err
    assert "waits for array >= 5000 (is 0)" in outcome.err


def instructions(program):
    """(byte, instruction, size) in order."""
    at = 0
    while at < len(program):
        instruction, _, _, size = isa.decode(program, at)
        yield at, instruction, size
        at += size


@pytest.mark.parametrize("kind", ["vcd", "fst"])
def test_waves(hwcnn, tmp_path, kind):
    """Of an accelerator without a vector engine, whose simulator is built sooner."""
    first, weight = nets.conv("only", "x", "y", 3, 9)
    onnx.save(nets.model([first], [weight], (1, 3, 5, 5)), tmp_path / "net.onnx")
    (tmp_path / "tiny.toml").write_text("rows = 4\ncols = 4\nfeatures = []\n")
    hwcnn("generate", "--model", "net.onnx", "--config", "tiny.toml", "--out", "net")
    outcome = hwcnn("simulate", "net", "--waves", f"w.{kind}", "--json")
    assert outcome.json["mismatches"] == 0
    data = (tmp_path / f"w.{kind}").read_bytes()
    assert len(data) > 10_000
    if kind == "vcd":
        assert b"m_axi_araddr" in data
        assert b"$enddefinitions" in data
        assert data.rstrip().split(b"\n")[-1][:1] in b"#01b"
    else:
        reader = pylibfst.lib.fstReaderOpen(str(tmp_path / "w.fst").encode())
        signals = pylibfst.get_scopes_signals2(reader)[1].by_name
        irq = next(s.handle for name, s in signals.items() if name.endswith("irq"))
        times = [
            pylibfst.lib.fstReaderGetStartTime(reader),
            pylibfst.lib.fstReaderGetEndTime(reader),
        ]
        text = pylibfst.ffi.new("char[]", 1 << 16)
        values = [
            pylibfst.string(pylibfst.lib.fstReaderGetValueFromHandleAtTime(reader, t, irq, text))
            for t in times
        ]
        assert values[0] == "0"
        assert times[1] // 10_000 > outcome.json["cycles"]
        pylibfst.lib.fstReaderClose(reader)
