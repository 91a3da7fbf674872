"""How a generated folder is written: in one step, over an earlier one, and by one at a time."""

import subprocess
import sys
from dataclasses import replace

import pytest
from test_manifest import MANIFEST

from hwcnn import artifact, cache
from hwcnn.errors import InputError

CHECKED = ("accelerator.v", "quantized.onnx", "program.bin", "weights.bin", "host_0.onnx")
FILES = {name: f"content of {name}" for name in CHECKED} | {"driver.c": b"int x;"}
HOLD = """
import sys
from pathlib import Path
from hwcnn import artifact
with artifact.claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.setenv("HWCNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "in" / "out"


def content(out):
    return {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}


def test_a_folder_is_read_back(out):
    artifact.write(out, FILES, MANIFEST)
    found = artifact.Generated(out)
    assert found.programs == [b"content of program.bin"]
    assert [weights.tobytes() for weights in found.weights] == [b"content of weights.bin"]
    assert found.host == [b"content of host_0.onnx"]
    assert found.verilog == "content of accelerator.v"
    assert found.manifest == replace(MANIFEST, files=found.manifest.files)
    assert set(found.manifest.files) == set(FILES)
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_files_that_hwcnn_did_not_write_stay(out):
    artifact.write(out, FILES | {"old.h": "of an earlier version"}, MANIFEST)
    (out / "notes.txt").write_text("mine")
    (out / "project").mkdir()
    (out / "project" / "top.v").write_text("mine too")
    artifact.write(out, FILES | {"driver.c": "new", "driver.h": "new"}, MANIFEST)
    assert (out / "project" / "top.v").read_text() == "mine too"
    found = content(out)
    assert found["notes.txt"] == b"mine"
    assert found["driver.c"] == found["driver.h"] == b"new"
    assert "old.h" not in found
    assert artifact.Generated(out).programs[0] == b"content of program.bin"


def test_a_folder_of_an_older_format_is_replaced(out):
    artifact.write(out, FILES, MANIFEST)
    (out / artifact.MANIFEST).write_text('{"format": 1}')
    artifact.write(out, FILES, MANIFEST)
    assert artifact.Generated(out).programs[0] == b"content of program.bin"


def test_a_link_to_a_folder_is_followed(out, tmp_path):
    artifact.write(out, FILES, MANIFEST)
    (tmp_path / "link").symlink_to(out)
    artifact.write(tmp_path / "link", FILES | {"program.bin": "new"}, MANIFEST)
    assert (tmp_path / "link").is_symlink()
    assert artifact.Generated(out).programs[0] == b"new"


def test_what_is_not_ours_is_refused_and_unchanged(out):
    out.mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is not a generated folder"):
        artifact.write(out, FILES, MANIFEST)
    with (
        pytest.raises(InputError, match="exists and is not a generated folder"),
        artifact.claimed(out),
    ):
        pass
    assert content(out) == {"notes.txt": b"mine"}


def test_a_folder_in_the_place_of_a_file_is_refused(out):
    artifact.write(out, FILES, MANIFEST)
    before = content(out)
    (out / "driver.h").mkdir()
    with pytest.raises(InputError, match="driver.h in it is a folder; nothing was changed"):
        artifact.write(out, FILES | {"program.bin": "new", "driver.h": "new"}, MANIFEST)
    assert content(out) == before


def test_one_at_a_time(out):
    """Another process generates: the second is told so, and can go on when the first is done."""
    command = [sys.executable, "-c", HOLD, str(out)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another `hwcnn generate` is writing there"):
            with artifact.claimed(out):
                pass
        with artifact.claimed(out.with_name("other")):  # another folder is free
            pass
        first.stdin.close()
    assert first.returncode == 0
    with artifact.claimed(out):
        artifact.write(out, FILES, MANIFEST)
    assert [p.name for p in out.parent.iterdir()] == ["out"]
    assert (cache.directory() / "locks").is_dir()


def test_the_claim_ends_where_the_work_fails(out):
    with pytest.raises(ZeroDivisionError), artifact.claimed(out):
        raise ZeroDivisionError
    with artifact.claimed(out):
        pass
