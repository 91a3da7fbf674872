"""The cache of builds: what an entry's name depends on, and how an entry appears."""

import subprocess
import sys
from pathlib import Path

import pytest

import hwcnn
from hwcnn import cache
from hwcnn.config import AccelConfig
from hwcnn.rtl import verilog

LIST = """
import sys
import hwcnn.rtl.top, hwcnn.rtl.verilog
print(*(m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "hwcnn"), sep="\\n")
"""


def test_every_file_that_the_rtl_imports_is_hashed():
    answer = subprocess.run(
        [sys.executable, "-c", LIST], capture_output=True, text=True, check=True
    )
    package = Path(hwcnn.__file__).parent
    imported = {Path(line).relative_to(package).as_posix() for line in answer.stdout.split()}
    assert {"limits.py", "isa.py", "config.py", "rtl/top.py"} <= imported
    hashed = {name for name, _ in cache.sources()}
    assert imported <= hashed
    assert "rtl/hwcnn_ram.v" in hashed


@pytest.fixture
def emitted(tmp_path, monkeypatch):
    """Configurations of which Verilog is made, with a cache of its own."""
    made = []
    monkeypatch.setenv("HWCNN_CACHE", str(tmp_path))
    monkeypatch.setattr(verilog, "Accelerator", lambda config: config)
    monkeypatch.setattr(
        verilog, "to_verilog", lambda config, name: made.append(config) or config.pe
    )
    return made


def test_verilog_is_made_once(emitted):
    config = AccelConfig(rows=8, cols=4)
    assert verilog.accelerator_verilog(config) == "8x4"
    assert verilog.accelerator_verilog(config) == "8x4"
    assert emitted == [config]


def test_verilog_is_made_anew_where_any_parameter_differs(emitted):
    configs = [AccelConfig(rows=8, cols=8), AccelConfig(rows=8, cols=8, act_kib=64)]
    for config in configs:
        verilog.accelerator_verilog(config)
    assert emitted == configs


def test_verilog_is_made_anew_where_a_source_changes(emitted, monkeypatch):
    config = AccelConfig()
    verilog.accelerator_verilog(config)
    monkeypatch.setattr(cache, "sources", lambda: [("limits.py", b"changed")])
    verilog.accelerator_verilog(config)
    assert emitted == [config, config]


def test_verilog_is_made_anew_where_what_emits_it_changes(emitted, monkeypatch):
    config = AccelConfig()
    verilog.accelerator_verilog(config)
    monkeypatch.setattr(cache, "versions", lambda *packages: ["0.0"] * len(packages))
    verilog.accelerator_verilog(config)
    assert emitted == [config, config]


def test_an_entry_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), cache.filling(tmp_path / "kind" / "entry") as folder:
        (folder / "half").touch()
        raise ZeroDivisionError
    assert not list((tmp_path / "kind").iterdir())
    with cache.filling(tmp_path / "kind" / "entry") as folder:
        (folder / "file").touch()
        assert not (tmp_path / "kind" / "entry").exists()
    assert [p.name for p in (tmp_path / "kind").iterdir()] == ["entry"]
    assert (tmp_path / "kind" / "entry" / "file").exists()


def test_of_two_that_make_an_entry_the_first_wins(tmp_path):
    with cache.filling(tmp_path / "entry") as slow:
        with cache.filling(tmp_path / "entry") as fast:
            (fast / "fast").touch()
        (slow / "slow").touch()
    assert [p.name for p in tmp_path.rglob("*")] == ["entry", "fast"]


def test_place_of_the_cache(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    monkeypatch.setenv("HWCNN_CACHE", "")
    assert cache.directory() == Path("/elsewhere/hwcnn")
    monkeypatch.setenv("HWCNN_CACHE", "/own")
    assert cache.directory() == Path("/own")
