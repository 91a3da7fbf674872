"""The frontend's benches, on a built-in network and on bad input."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from hwcnn.models.classification.digits import ONNX_FILE, PICTURES
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from hwcnn.config import AccelConfig
from hwcnn.preprocess import Preprocess

GREY = Preprocess((0,), (1 / 255,), "L")
BENCH = Path(__file__).parents[2] / "bench"


def bench(name):
    """The script as a module. Scripts find one another beside themselves."""
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def page(tmp_path):
    return tmp_path / "networks.md"


def test_agreement_of_a_built_in_network(capsys, page):
    assert bench("ort_agreement").main(["digits", "--samples", "1", "--out", str(page)]) == 0
    assert "8 layers, 0 failed" in capsys.readouterr().out
    assert "| digits | 8 | 33,002 | 100.0000 | 100.0000 | - | 0 | 0 |" in page.read_text()


def test_random_operators_against_exact_arithmetic(page):
    assert bench("ort_agreement").main(["--random", "4", "--out", str(page)]) == 0
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.read_text().splitlines()
        if "|" in line
    ]
    rows = {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[2:]}
    assert len(rows) == 9 and all(
        int(row["elements"].replace(",", "")) > 10 for row in rows.values()
    )
    for name, row in rows.items():
        assert float(row["onnxruntime, beside ties %"]) < 0.1, name
        assert name.startswith("Resize") or float(row["reference not exact %"]) < 0.1, name


def test_a_layer_beyond_the_bar_fails_the_run(monkeypatch, capsys, page):
    from hwcnn.frontend.quantise import agreement

    monkeypatch.setattr(
        agreement.golden, "run_op", lambda op, graph, tensors: tensors[op.y] + (op.name == "conv2")
    )
    assert bench("ort_agreement").main(["digits", "--samples", "1", "--out", str(page)]) == 1
    assert "8 layers, 1 failed" in capsys.readouterr().out


def test_accuracy_on_pictures(tmp_path, page):
    """The built-in network on its own pictures: all right, and the first one in RTL too."""
    accuracy, pictures = bench("accuracy"), tmp_path / "pictures"
    pictures.mkdir()
    for path in PICTURES.glob("*.png"):
        shutil.copy(path, pictures / f"digits_{path.name}")
    accuracy.KNOWN["digits"] = accuracy.Trial(GREY, "digits")
    arguments = [
        str(ONNX_FILE.parent),
        str(pictures),
        "digits",
        "--pe",
        "8x8",
        "--rtl",
        "1",
        "--out",
        str(page),
    ]
    assert accuracy.main(arguments) == 0
    assert f"| digits | 20 | 20 | 20 | 20 | 1 | {21 * 33_002:,} | 0 |" in page.read_text()


def test_calibration_methods_on_pictures(tmp_path, page):
    """The built-in network keeps its classes, whichever pictures its ranges come from."""
    calibration, pictures = bench("calibration"), tmp_path / "pictures"
    pictures.mkdir()
    for path in sorted(PICTURES.glob("*.png"))[:6]:
        shutil.copy(path, pictures / f"digits_{path.name}")
    calibration.KNOWN["digits"] = bench("accuracy").Trial(GREY, "digits")
    arguments = [str(ONNX_FILE.parent), str(pictures), "digits"]
    assert calibration.main([*arguments, "--methods", "minmax", "mse", "--out", str(page)]) == 0
    rows = [line.split("|")[1:-1] for line in page.read_text().splitlines() if "digits," in line]
    assert len(rows) == 4
    for _, real, *found in rows:
        (same, _, decibels), (other, _, _) = found[:3], found[3:6]
        assert int(real) == int(same) == int(other) == 6
        assert 20 < float(decibels) < 60


def test_restored_pictures_and_a_float_end(tmp_path, page):
    """A network that returns its input: int8 keeps 8 bits of 0..1, a float end no less."""
    one = numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "w")
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 16, 16]) for n in "xy"]
    nodes = [helper.make_node("Conv", [a, "w"], [b], name=b) for a, b in ("xa", "ay")]
    graph = helper.make_graph(nodes, "same", value[:1], value[1:], [one])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "same.onnx")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(tmp_path / "p.png")
    restoration = bench("restoration")
    arguments = [str(tmp_path / "same.onnx"), str(tmp_path), "--calibrate", str(tmp_path)]
    assert restoration.main([*arguments, "--noise", "10", "--out", str(page)]) == 0
    (row,) = [line.split("|")[1:-1] for line in page.read_text().splitlines() if "same," in line]
    given, real, integer, wide = map(float, row[-4:])
    assert given == real
    assert abs(given - 20 * np.log10(255 / 10)) < 0.6
    assert abs(real - integer) < 0.1
    assert abs(real - wide) < 0.1


#: `bench/light.py --all` runs the others, which take longer.
@pytest.mark.parametrize("name", ["inception_v1", "inception_v2", "shufflenet", "squeezenet"])
def test_topologies_of_the_onnx_package(name):
    row, _ = bench("light").measure(name, AccelConfig(), 0, ("isa",))
    assert row["mismatches, ISA"] == "0" and int(row["fewest values"]) > 16


def test_a_row_takes_the_place_of_its_predecessor(page):
    record = bench("page").record
    for section, name, cell in (("B", "x", "1"), ("A", "y", "2"), ("B", "w", "3"), ("B", "x", "4")):
        record(section, f"About {section}.", {"network": name, "cells": cell}, page)
    assert page.read_text().split("\n## ")[1:] == [
        "A\n\nAbout A.\n\n| network | cells |\n| --- | ---: |\n| y | 2 |\n",
        "B\n\nAbout B.\n\n| network | cells |\n| --- | ---: |\n| w | 3 |\n| x | 4 |\n",
    ]


@pytest.mark.parametrize(
    "name, arguments", [("ort_agreement", ["no-such-model"]), ("accuracy", ["no-such-folder", "."])]
)
def test_bad_input(name, arguments, capsys):
    assert bench(name).main(arguments) == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_page_of_operators_is_up_to_date(tmp_path):
    """`make docs` writes it."""
    page = tmp_path / "operators.md"
    bench("operators").main(["--out", str(page)])
    assert page.read_text() == (BENCH.parent / "docs" / "operators.md").read_text()


def test_seconds_of_the_verbs(capsys, page):
    options = ["digits", "--pe", "4x4", "--label", "here", "--record", "--out", str(page)]
    bench("compile_time").main(options)
    seen = {line.split("  ")[1] for line in capsys.readouterr().out.splitlines()}
    assert seen == {"generate", "estimate", "isa"}
    assert "| digits 4x4 here | 0.00 |" in page.read_text()
