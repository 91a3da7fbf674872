"""The bench of exported networks: its page and its exit code, without torch."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from onnx import TensorProto, helper

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """The script as a module, whose networks are one of a ReLU and one that nothing can run."""
    monkeypatch.syspath_prepend(str(BENCH))

    def export(network, path, seed):
        kinds = {"relu": ("Relu", ""), "odd": ("Odd", "nobody")}
        operator, domain = kinds[network.model]
        graph = helper.make_graph(
            [helper.make_node(operator, ["x"], ["y"], domain=domain)],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])],
        )
        imports = [helper.make_opsetid("", 17), helper.make_opsetid("nobody", 1)]
        onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=9), path)

    def network(name):
        return SimpleNamespace(
            name=name, model=name, library="own", size=(8, 8), channels=3, dynamo=False
        )

    networks = SimpleNamespace(
        NETWORKS={name: network(name) for name in ("relu", "odd")},
        export=export,
        versions=lambda: "torch 1.2",
    )
    monkeypatch.setitem(sys.modules, "third_party_networks", networks)
    import third_party

    def inside(name, args):
        out = args.records.with_name("one.json")
        third_party.one(name, args.pe, args.seed, out)
        return json.loads(out.read_text())

    monkeypatch.setattr(third_party, "_run", inside)
    return third_party


def test_networks_are_measured_once_and_refusals_told(bench, tmp_path, capsys):
    records = tmp_path / "records.json"
    assert bench.main(["relu", "--records", str(records), "--pe", "8x8"]) == 0
    first = json.loads(records.read_text())["relu"]
    assert first["mismatches"] == 0
    assert first["elements_compared"] >= 3 * 64
    assert bench.main(["--all", "--records", str(records), "--pe", "8x8"]) == 1
    assert json.loads(records.read_text())["relu"] == first
    assert "odd: " in capsys.readouterr().out
    page = records.with_suffix(".md").read_text()
    assert "1 of 2 networks run without a mismatch, 1 of them whole on the accelerator" in page
    assert "| relu | own | TorchScript | 3x8x8 |" in page
    assert "- odd: " in page
