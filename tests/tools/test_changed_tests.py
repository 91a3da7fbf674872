"""Which tests `make check` runs for a changed file."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("changed_tests", ROOT / "tools" / "changed_tests.py")
changed_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(changed_tests)


@pytest.fixture
def tree(tmp_path):
    """A repository with a few tests."""
    for name in (
        "tests/test_layout.py",
        "tests/rtl/test_top.py",
        "tests/rtl/bus/test_axi.py",
        "tests/rtl/bus/test_writer.py",
        "tests/models/test_models.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    "file, expected",
    [
        ("hwcnn/layout.py", {"tests/test_layout.py"}),
        ("hwcnn/rtl/bus/axi.py", {"tests/rtl/bus/test_axi.py"}),
        ("tests/rtl/bus/axi_tests.py", {"tests/rtl/bus/test_axi.py"}),
        ("tests/rtl/bus/test_axi.py", {"tests/rtl/bus/test_axi.py"}),
        ("hwcnn/rtl/bus/arbiter.py", {"tests/rtl/bus/test_axi.py", "tests/rtl/bus/test_writer.py"}),
        ("hwcnn/rtl/lib/fifo.py", {"tests/rtl/test_top.py"}),
        ("hwcnn/ir/ops.py", set()),
        ("hwcnn/isa.py", set()),
        ("models/classification/vgg.py", {"tests/models/test_models.py"}),
        ("docs/index.md", set()),
        ("Makefile", set()),
    ],
)
def test_tests_of_a_file(tree, file, expected):
    assert changed_tests.tests_of(Path(file), tree) == expected
