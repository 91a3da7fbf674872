"""A short campaign with fixed seeds, all cases that campaigns found, and its own functions."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from campaign import (
    cases,
    configurations,
    coverage,
    faults,
    isa_case,
    minimise,
    recipe,
    report,
    results,
    rtl_case,
    split_case,
    stages,
)

from hwcnn.config import AccelConfig
from hwcnn.errors import InputError

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
#: A group each of 4x4, 4x8, 8x4 and 8x8 arrays of seed 1.
GROUPS = [0, 1, 2, 3]


def test_networks_on_the_isa_engine():
    lines = [isa_case.run(2, number) for number in range(45)]
    assert [line["signature"] for line in lines if line["result"] == "failed"] == []
    assert sum(line["result"] == "ok" for line in lines) >= 25


def test_networks_of_which_random_nodes_are_the_hosts():
    lines = [split_case.run(1, number) for number in range(30)]
    assert [line["signature"] for line in lines if line["result"] == "failed"] == []
    assert sum(line["result"] == "ok" and line["steps"] > 1 for line in lines) >= 10


@pytest.mark.parametrize("group", GROUPS)
def test_networks_in_rtl_under_stalls(group):
    line = rtl_case.run(1, group, 2, keep=True)
    assert [run["signature"] for run in line["runs"] if run["result"] == "failed"] == []
    assert sum(run["result"] == "ok" for run in line["runs"]) >= 2
    assert len(line["errors"]) == 1


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_case_that_failed_once(path):
    assert cases.replay(path) == json.loads(path.read_text())["expect"]


def test_a_case_is_the_same_for_the_same_numbers():
    first, second = (
        json.dumps(isa_case.drawn(5, 7), default=AccelConfig.to_dict) for _ in range(2)
    )
    assert first == second != json.dumps(isa_case.drawn(5, 8), default=AccelConfig.to_dict)


def test_every_operator_can_be_drawn():
    seen = set()
    for number in range(1000):
        made = recipe.draw(np.random.default_rng([3, number]))
        seen |= {node.op_type for node in recipe.Built(made).net.nodes}
    quantised = {
        op
        for op in coverage.universe()["operators"]
        if op.startswith("Q") or op == "DequantizeLinear"
    }
    assert set(coverage.universe()["operators"]) - quantised - seen == set()


@pytest.mark.parametrize("name", configurations.RANGES)
def test_ranges_of_parameters(name):
    low, high = configurations.RANGES[name]
    wide = {"rows": 64, "cols": 64} if name == "axi_bytes" else {}
    narrow = {"axi_bytes": 8} if name in ("rows", "cols") else {}
    assert getattr(AccelConfig(**wide | {name: low} | narrow), name) == low
    assert getattr(AccelConfig(**wide | {name: high}), name) == high
    for value in (low // 2, high * 2):
        with pytest.raises(InputError):
            AccelConfig(**wide | {name: value})


def test_random_configurations_reach_both_ends_of_every_parameter():
    rng = np.random.default_rng(1)
    drawn = [configurations.draw(rng) for _ in range(600)]
    assert {c for config in drawn for c in configurations.classes(config)} == set(
        configurations.all_classes()
    )


def test_minimising_keeps_what_fails_and_drops_the_rest():
    def fails(made, config):
        return config.queue_words < 64 and any(
            e["op"] == "conv" and e["picks"]["channels"] > 2 for e in made["layers"]
        )

    number = next(n for n in range(100) if fails(*_drawn(n)) and len(_drawn(n)[0]["layers"]) > 4)
    made, config = minimise.minimise(*_drawn(number), fails, 20)
    assert fails(made, config)
    assert [entry["op"] for entry in made["layers"]] == ["conv"]
    assert made["layers"][0]["picks"]["channels"] == 3
    assert np.prod(made["inputs"][0]) == 1
    assert config == AccelConfig(queue_words=config.queue_words)


def _drawn(number):
    made, configs = isa_case.drawn(11, number)
    return made, configs[0]


def test_a_saved_case_fails_as_it_did(tmp_path, monkeypatch):
    """A wrong golden: what was found with it is found again from the files."""
    run = importlib.import_module("hwcnn.golden.run")
    number = next(
        n
        for n in range(50)
        if isa_case.run(1, n)["result"] == "ok" and "Conv" in isa_case.run(1, n)["operations"]
    )
    real = run._RUN.copy()
    monkeypatch.setitem(run._RUN, run.ir.Conv, lambda op, *x: real[run.ir.Conv](op, *x) ^ 1)
    made, configs = isa_case.drawn(1, number)
    failure = next(f for f in (cases.failure_of(made, config, number) for config in configs) if f)
    path = cases.save(tmp_path / "case", made, configs[0], number, failure)
    with pytest.raises(stages.Failure) as again:
        cases.replay(path)
    assert again.value.signature == failure.signature
    monkeypatch.undo()
    assert cases.replay(path) in (cases.EXACT, cases.REFUSED)


def test_a_saved_case_holds_no_path_of_the_machine():
    """A traceback through the repository, a package, the standard library and a scratch folder."""
    lines = [
        'x = "before"',
        f'  File "{results.ROOT}/hwcnn/scheduler/check.py", line 92, in _fail',
        f'  File "{results.ROOT}/.venv/lib/python3.11/site-packages/numpy/core.py", line 1, in f',
        '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode',
        "RunError: /tmp/hwcnn-8f2a/model.onnx: cannot be read 1/2 of the time",
    ]
    text = "\n".join(lines)
    assert cases.detail_of(text).splitlines() == [
        'x = "before"',
        '  File "hwcnn/scheduler/check.py", line 92, in _fail',
        '  File "numpy/core.py", line 1, in f',
        '  File "decoder.py", line 355, in raw_decode',
        "RunError: model.onnx: cannot be read 1/2 of the time",
    ]


def test_a_saved_detail_is_whole_lines():
    text = "".join(f"line {n} of a long traceback\n" for n in range(100))
    kept = cases.detail_of(text)
    assert text.endswith(kept)
    assert kept.startswith("line ")
    assert len(kept) <= cases.DETAIL


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_cases_in_the_repository_hold_no_path_of_a_machine(path):
    detail = json.loads(path.read_text())["detail"]
    assert cases.detail_of(detail) == detail


def test_results_of_the_same_sources_are_kept(tmp_path, monkeypatch):
    path = tmp_path / "1.jsonl"
    results.Results(path, 1).add({"case": ["isa", 3]})
    assert results.Results(path, 1).done == {("isa", 3)}
    monkeypatch.setattr(results, "source_hash", lambda: "others")
    assert results.Results(path, 1).done == set()
    assert path.with_suffix(".old").exists()


def test_the_command_goes_on_where_it_was(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location(
        "campaign_command", Path(__file__).parents[2] / "bench" / "campaign.py"
    )
    command = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(command)
    arguments = ["--isa", "4", "--ort", "2", "--seed", "2", "--out", str(tmp_path)]
    assert command.main(arguments) == 0
    before = (tmp_path / "2.jsonl").read_text()
    assert command.main(arguments) == 0
    assert (tmp_path / "2.jsonl").read_text() == before
    assert "4 networks through the ISA engine" in capsys.readouterr().out


def test_faults_change_one_instruction():
    made = next(d for d in (_design(n) for n in range(50)) if d)
    for name in coverage.ERRORS:
        broken = faults.program(name, made.program)
        if broken is not None:
            changed = [i for i in range(len(broken)) if broken[i] != made.program[i]]
            assert len(broken) == len(made.program)
            assert bool(changed) == (name != faults.UNCHANGED)


def _design(number):
    from campaign import engines

    made, configs = isa_case.drawn(1, number)
    try:
        return engines.design(engines.from_recipe(made), configs[0])
    except stages.Refused:
        return None


def test_a_section_replaces_the_one_of_its_title(tmp_path):
    page = tmp_path / "page.md"
    report.replace_section(page, "## One", "old")
    report.replace_section(page, "## Two", "other")
    report.replace_section(page, "## One", "new")
    text = page.read_text()
    assert "old" not in text
    assert text.index("new") < text.index("## Two")
    assert text.endswith("other\n")
