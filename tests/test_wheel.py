"""The wheel holds all that hwcnn needs, and works outside of the source tree."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Where files of the repository lie in the wheel.
ROOMS = {"hwcnn": "hwcnn", "models": "hwcnn/models"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built of what git tracks (a build folder left in the tree would show through)."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*pip, "-w", str(out)], cwd=source, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with the wheel's files."""
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def tracked() -> list[str]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file()]


def python(installed, cwd, *arguments):
    """What Python prints with the wheel's folder first on its path, and nothing of this tree."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "HWCNN_CACHE": str(cwd / "cache")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_package_is_in_it(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        ROOMS[top] + "/" + rest
        for top, _, rest in (name.partition("/") for name in tracked())
        if top in ROOMS and not rest.endswith(".md")
    }
    assert len(wanted) > 150
    assert not wanted - inside


def test_nothing_else_is_in_it(wheel):
    inside = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in inside}
    assert not [name for name in inside if "held_out" in name]
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hwcnn"}


def test_licence_and_version_are_in_its_metadata(wheel):
    with zipfile.ZipFile(wheel) as files:
        name = next(n for n in files.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = files.read(name).decode().splitlines()
        assert [n for n in files.namelist() if n.endswith("licenses/LICENSE")]
    init = (ROOT / "hwcnn" / "__init__.py").read_text()
    version = next(line for line in metadata if line.startswith("Version: ")).split()[1]
    assert f'__version__ = "{version}"' in init
    assert "License-Expression: BSD-2-Clause" in metadata


def test_it_generates_and_simulates_away_from_the_source_tree(installed, tmp_path):
    modules = "import hwcnn, hwcnn.cli.app, hwcnn.models as m; print(hwcnn.__file__, m.__file__)"
    for file in python(installed, tmp_path, "-c", modules).split():
        assert Path(file).is_relative_to(installed)
    hwcnn = ("-c", "from hwcnn.cli.app import main; main()")
    models = json.loads(python(installed, tmp_path, *hwcnn, "models", "--json"))
    assert "digits" in json.dumps(models)
    arguments = ("--model", "digits", "--pe", "4x4", "--out", "out")
    python(installed, tmp_path, *hwcnn, "generate", *arguments)
    assert (tmp_path / "out" / "accelerator.v").stat().st_size > 10_000
    arguments = ("simulate", "out", "--engine", "isa", "--json")
    report = json.loads(python(installed, tmp_path, *hwcnn, *arguments))
    assert report["mismatches"] == 0
    assert report["elements_compared"] > 1000
