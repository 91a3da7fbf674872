"""The frontend's benches, on a built-in network and on bad input."""

import importlib.util
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


def bench(name):
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_agreement_of_a_built_in_network(capsys):
    assert bench("ort_agreement").main(["digits", "--samples", "1"]) == 0
    assert "8 layers, 0 failed" in capsys.readouterr().out


def test_a_layer_beyond_the_bar_fails_the_run(monkeypatch, capsys):
    from hwcnn.frontend import agreement

    monkeypatch.setattr(agreement.golden, "run_op", lambda op, graph, tensors: tensors[op.y] + (op.name == "conv2"))
    assert bench("ort_agreement").main(["digits", "--samples", "1"]) == 1
    assert "8 layers, 1 failed" in capsys.readouterr().out


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
