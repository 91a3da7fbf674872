"""Generated folders that are damaged, and runs that fail by themselves: exit code 3, one line, no
traceback, and never code 1.
"""

import json
import resource
import shutil
import warnings
from pathlib import Path

import nets
import pytest

from hwcnn import artifact
from hwcnn.cli import lists
from hwcnn.errors import InputError, Note, RunError
from hwcnn.sim import command
from hwcnn.sim.engines.rtl_engine import SimulationError


def failed(outcome, code, *words):
    """The command failed with that code, and its one line holds all the words."""
    assert (outcome.code, outcome.out) == (code, ""), outcome.err
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("hwcnn: "), outcome.err
    for word in words:
        assert word in lines[0]


@pytest.fixture
def folder(generated, hwcnn):
    """A copy that may be damaged."""
    return Path(shutil.copytree(generated, "copy"))


@pytest.fixture(scope="session")
def other(tmp_path_factory):
    """A folder of another network for the same accelerator."""
    from hwcnn import generator

    scratch = tmp_path_factory.mktemp("other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifact, "LAST", scratch / ".last")
        model = nets.small(scratch / "net.onnx", (1, 3, 6, 6))
        generator.generate(model, pe="8x8", out=scratch / "out")
    return scratch / "out"


def flipped(data):
    return (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0x10]) + data[len(data) // 2 + 1 :]
    )


DAMAGE = {
    "empty": lambda data: b"",
    "cut": lambda data: data[:-1],
    "cut in half": lambda data: data[: len(data) // 2],
    "a byte more": lambda data: data + b"\0",
    "doubled": lambda data: data * 2,
    "a bit flipped": flipped,
}


CHECKED = ("accelerator.v", "program.bin", "weights.bin", "quantized.onnx")


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", CHECKED)
def test_a_damaged_file(hwcnn, folder, name, damage):
    path = folder / name
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    failed(
        hwcnn("simulate", "copy", "--engine", "isa"),
        3,
        name,
        "expected",
        "generate the folder anew",
    )


@pytest.mark.parametrize("name", CHECKED)
@pytest.mark.parametrize(
    "verb",
    [("simulate", "--engine", "isa"), ("estimate", "performance"), ("estimate", "resources")],
)
def test_a_missing_file(hwcnn, folder, name, verb):
    (folder / name).unlink()
    failed(hwcnn(*verb, "copy"), 3, name, "No such file")
    (folder / name).mkdir()
    failed(hwcnn(*verb, "copy"), 3, name)


@pytest.mark.parametrize(
    "name", ["program.bin", "weights.bin", "quantized.onnx", artifact.MANIFEST]
)
def test_a_file_of_another_folder(hwcnn, folder, other, name):
    shutil.copy(other / name, folder / name)
    failed(hwcnn("simulate", "copy", "--engine", "isa"), 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        "{}",
        '{"format": 2}',
        '{"format": 5}',
        '{"format": [5]}',
        "[" * 9999,
        "\xff",
        "NaN",
    ],
)
def test_a_manifest_that_is_none(hwcnn, folder, text):
    (folder / artifact.MANIFEST).write_text(text, "latin-1")
    failed(
        hwcnn("simulate", "copy", "--engine", "isa"), 3, "manifest.json", "generate the folder anew"
    )


def test_every_entry_of_the_manifest_is_protected(hwcnn, folder):
    manifest = json.loads((folder / artifact.MANIFEST).read_text())
    for key in manifest:
        for change in ({}, {key: None}, {key: "two"}, {key: -1}, {key: {"addr": 1 << 40}}):
            changed = {k: v for k, v in manifest.items() if k != key} | change
            (folder / artifact.MANIFEST).write_text(json.dumps(changed))
            failed(hwcnn("simulate", "copy", "--engine", "isa"), 3, "manifest.json")
    (folder / artifact.MANIFEST).write_text(json.dumps(manifest, indent=3))
    assert hwcnn("simulate", "copy", "--engine", "golden").code == 0


def test_a_folder_of_an_older_hwcnn(hwcnn, folder):
    manifest = json.loads((folder / artifact.MANIFEST).read_text())
    (folder / artifact.MANIFEST).write_text(
        json.dumps({k: v for k, v in manifest.items() if k not in ("files", "format", "sha256")})
    )
    failed(hwcnn("simulate", "copy"), 3, "its format is older", "this hwcnn reads 5")


def test_what_is_no_generated_folder_is_bad_input(hwcnn, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.toml").write_text("rows = 8\n")
    failed(
        hwcnn("simulate", "empty"),
        2,
        "empty: not a folder that `hwcnn generate` wrote",
        "manifest.json",
    )
    failed(hwcnn("simulate", "a.toml"), 2, "a.toml: not a folder")
    failed(hwcnn("simulate", "nowhere"), 2, "nowhere: no such folder")
    failed(hwcnn("simulate", "x" * 5000), 2, "File name too long")


@pytest.mark.parametrize(
    "change,words",
    [
        (lambda data: data[:-16], "without an END"),
        (lambda data: data[:-20], "ends after byte"),
        (lambda data: b"", "without an END"),
        (lambda data: b"\0" * len(data), "opcode 0"),
        (lambda data: data[16 * 9 :], "have not been streamed"),
    ],
)
def test_a_program_that_is_wrong_although_its_hash_is_right(hwcnn, folder, change, words):
    """As a defect of the compiler would leave it."""
    nets.resealed(folder, "program.bin", change)
    failed(hwcnn("simulate", "copy", "--engine", "isa"), 3, words)


def test_a_full_disk(hwcnn, generated, tmp_path):
    """Files may have 500 kB: the Verilog does not fit. Nothing is left behind, and the exit code is
    not that of bad input.
    """
    nets.small(tmp_path / "net.onnx", (1, 3, 6, 6))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        outcome = hwcnn("generate", "--model", "net.onnx", "--pe", "8x8", "--out", "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    failed(outcome, 3, "hwcnn: out: cannot write", "free some space")
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_no_compiler(hwcnn, generated, tmp_path, monkeypatch):
    (tmp_path / "c++").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tmp_path / "c++").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("HWCNN_CACHE", str(tmp_path / "cache"))
    failed(hwcnn("simulate", generated), 3, "c++ cannot be run", "needs Verilator")


@pytest.mark.parametrize(
    "error,code,words",
    [
        (
            KeyError("q"),
            3,
            (
                "internal error: KeyError: 'q'",
                "test_broken_folders.py:",
                "in broken",
                "HWCNN_TRACEBACK=1",
            ),
        ),
        (AssertionError(), 3, ("internal error: AssertionError",)),
        (MemoryError(), 3, ("out of memory",)),
        (OSError(28, "No space left on device", "x.vcd"), 3, ("x.vcd: No space left on device",)),
        (
            SimulationError("deadlock:\n  load waits\n  array waits"),
            3,
            ("deadlock:; load waits; array waits",),
        ),
    ],
)
def test_what_nobody_foresaw(hwcnn, monkeypatch, error, code, words):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr(command, "simulate", broken)
    failed(hwcnn("simulate"), code, *words)
    monkeypatch.setenv("HWCNN_TRACEBACK", "1")
    shown = hwcnn("simulate")
    assert shown.code == code
    assert "Traceback" in shown.err


@pytest.mark.parametrize("error", [None, InputError("bad"), RunError("broken")])
def test_a_note_is_shown_only_if_all_else_goes_well(hwcnn, monkeypatch, error):
    def noting(*_):
        warnings.warn("left out: x", Note, stacklevel=1)
        warnings.warn("of NumPy's", stacklevel=1)
        if error:
            raise error
        return {"models": []}

    monkeypatch.setattr(lists, "models", noting)
    assert hwcnn("models", "--json").err == (
        f"hwcnn: {error}\n" if error else "hwcnn: note: left out: x\n"
    )


def test_an_interrupt(hwcnn, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "simulate", interrupted)
    outcome = hwcnn("simulate")
    assert outcome.code == 130
    assert "Traceback" not in outcome.err


def test_a_program_that_could_go_wrong_is_not_written(hwcnn, tmp_path, monkeypatch):
    """A compiler that forgets what ARRAYs wait for is found out before anything is written."""
    from hwcnn import tile_ops

    number = tile_ops.number

    def forgetful(operations):
        counts = number(operations)
        for op in operations:
            op.waits = {} if op.queue == "array" else op.waits
        return counts

    monkeypatch.setattr(tile_ops, "number", forgetful)
    model = nets.small(tmp_path / "net.onnx")
    failed(
        hwcnn("generate", "--model", model, "--pe", "4x4", "--out", "out"),
        3,
        "(array)",
        "before it is loaded",
        "nothing was written",
    )
    assert not Path("out").exists()
