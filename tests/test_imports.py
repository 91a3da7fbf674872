"""The direction of imports that docs/architecture.md promises."""

import ast
from pathlib import Path

import pytest

import hwcnn

ROOT = Path(hwcnn.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
VOCABULARY = {"config", "errors", "fixedpoint", "ir", "isa", "layout", "limits", "tile_ops"}


def imported(path, text):
    """Names below hwcnn, such as "golden.run", that a file with that text imports anywhere in it."""
    package = ("hwcnn", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            names = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("hwcnn.") for name in names if name.startswith("hwcnn."))


def parts(path):
    return {name.split(".")[0] for name in imported(path, path.read_text())}


def files_of(folder):
    return [f for f in FILES if f.relative_to(ROOT).parts[0] == folder]


@pytest.mark.parametrize("name", sorted(VOCABULARY))
def test_vocabulary_imports_only_itself(name):
    assert parts(ROOT / f"{name}.py") <= VOCABULARY


@pytest.mark.parametrize(
    "folder,forbidden",
    [
        ("golden", {"scheduler", "rtl", "sim", "frontend", "estimate"}),
        ("rtl", {"scheduler", "golden", "frontend", "sim", "estimate"}),
        ("frontend", {"scheduler", "rtl", "sim", "estimate"}),
        ("scheduler", {"frontend", "golden", "sim", "estimate"}),
        ("cycles", {"scheduler", "rtl", "frontend", "golden", "sim", "estimate"}),
    ],
)
def test_folder_does_not_import(folder, forbidden):
    found = files_of(folder)
    assert found
    for path in found:
        assert not parts(path) & forbidden, path


#: Rooms of the scheduler, the lowest first: each imports only those before it and itself.
SCHEDULER_ROOMS = ("", "rewrite", "lower", "compile")


def scheduler_room(module):
    """The place in SCHEDULER_ROOMS of a module such as "scheduler.lower.conv"."""
    name = module.split(".")[1]
    return SCHEDULER_ROOMS.index(name if name in SCHEDULER_ROOMS else "")


def test_the_scheduler_imports_downwards():
    for path in files_of("scheduler"):
        names = set(imported(path, path.read_text()))
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        above = {
            name
            for name in names
            if name.startswith("scheduler.") and scheduler_room(name) > scheduler_room(module)
        }
        assert not above, path


def modules(path):
    """The modules of hwcnn, such as "golden.run", that a file imports."""
    known = {".".join(f.relative_to(ROOT).with_suffix("").parts) for f in FILES}
    for name in imported(path, path.read_text()):
        while name and name not in known:
            name = name.rpartition(".")[0]
        if name:
            yield name


@pytest.mark.parametrize("room", ["scheduler", "cycles"])
def test_no_circle_of_imports(room):
    """Taking away modules that import none of those left takes away all."""
    left = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): set(modules(path))
        for path in files_of(room)
    }
    assert left
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert not left


def test_nothing_imports_the_command_line():
    for path in set(FILES) - set(files_of("cli")):
        assert not parts(path) & {"cli"}, path


def test_imports_are_seen():
    """The check itself: absolute, relative and nested imports are all found."""
    text = "import hwcnn.rtl.top\nfrom ..scheduler.ops import TileOp\ndef f():\n    from .. import sim\n"
    assert set(imported(ROOT / "golden" / "file.py", text)) == {
        "rtl.top",
        "scheduler.ops.TileOp",
        "sim",
    }
