"""The direction of imports that docs/architecture.md promises."""

import ast
import importlib.util
from pathlib import Path

import pytest

import hwcnn

ROOT = Path(hwcnn.__file__).parent
#: hwcnn.models lies beside the package in the source tree.
MODELS = Path(importlib.util.find_spec("hwcnn.models").origin).parent
FILES = sorted({*ROOT.rglob("*.py"), *MODELS.rglob("*.py")})
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
VOCABULARY = {
    *("bitfields", "config", "errors", "fixedpoint", "ir", "isa", "layout", "limits", "resampling"),
    *("cache", "manifest", "origin", "preprocess", "quality", "results", "tasks", "tile_ops"),
    "typed_values",
}


def module_of(path):
    """The name below hwcnn, such as "golden.run", of a file; a package's is that of its folder."""
    inside = path.is_relative_to(ROOT)
    parts = path.relative_to(ROOT).parts if inside else ("models", *path.relative_to(MODELS).parts)
    names = [*parts[:-1], Path(parts[-1]).stem]
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


MODULES = {module_of(path): path for path in FILES}


def import_nodes(tree):
    return (n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom))


def imported(path, text):
    """Names below hwcnn, such as "golden.run.run", that a file with that text imports anywhere."""
    name = module_of(path).split(".")
    package = ["hwcnn", *(name if path.stem == "__init__" else name[:-1])]
    for node in import_nodes(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            names = [".".join([*base, alias.name]) for alias in node.names]
        yield from (name.removeprefix("hwcnn.") for name in names if name.startswith("hwcnn."))


def modules(path):
    """The modules of hwcnn, such as "golden.run", that a file imports."""
    for name in imported(path, path.read_text()):
        while name and name not in MODULES:
            name = name.rpartition(".")[0]
        if name:
            yield name


def parts(path):
    return {name.split(".")[0] for name in imported(path, path.read_text())}


def files_of(folder):
    return [path for name, path in MODULES.items() if name.split(".")[0] == folder]


@pytest.mark.parametrize("name", sorted(VOCABULARY))
def test_vocabulary_imports_only_itself(name):
    found = files_of(name)
    assert found
    for path in found:
        assert parts(path) <= VOCABULARY, path


@pytest.mark.parametrize(
    "folder,forbidden",
    [
        ("golden", {"scheduler", "rtl", "sim", "frontend", "estimate"}),
        ("models", {"scheduler", "rtl", "sim", "frontend", "estimate", "golden"}),
        ("answers", {"scheduler", "rtl", "sim", "frontend", "estimate", "golden", "models"}),
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


#: Rooms of the frontend, the lowest first: each imports only those before it and itself. The
#: importer's own modules are below its operators but for those that walk the graph.
FRONTEND_ROOMS = (
    "frontend.model",
    "frontend.importer",
    "frontend.importer.ops",
    "frontend.importer.qdq_to_ir",
    "frontend.quantise",
    "frontend.partition",
)


def frontend_room(module):
    """The place in FRONTEND_ROOMS of a module, by the longest name that it begins with."""
    return max(
        (room for room in FRONTEND_ROOMS if f"{module}.".startswith(f"{room}.")),
        key=len,
        default="",
    )


def test_the_frontend_imports_downwards():
    order = {room: place for place, room in enumerate(FRONTEND_ROOMS)}
    for path in files_of("frontend"):
        room = order.get(frontend_room(module_of(path)), -1)  # the package itself imports nothing
        above = {name for name in modules(path) if order.get(frontend_room(name), -1) > room}
        assert not above, path


#: Rooms of the simulation, the lowest first; what stands beside them is above.
SIM_ROOMS = ("sim.testbench", "sim.engines")


def sim_room(module):
    """The place in SIM_ROOMS of a module, or behind all of them."""
    room = ".".join(module.split(".")[:2])
    return SIM_ROOMS.index(room) if room in SIM_ROOMS else len(SIM_ROOMS)


def test_the_simulation_imports_downwards():
    found = files_of("sim")
    assert {sim_room(module_of(path)) for path in found} == {0, 1, 2}
    for path in found:
        names = (name for name in modules(path) if name.startswith("sim."))
        above = {name for name in names if sim_room(name) > sim_room(module_of(path))}
        assert not above, path


def circle(needs):
    """The modules in circles, and those above them: what is left when modules that import none of
    those left are taken away until none is such. needs : module to the set that it imports.
    """
    left = dict(needs)
    while free := {name for name, names in left.items() if not names & left.keys()}:
        left = {name: names for name, names in left.items() if name not in free}
    return left


def test_no_circle_of_imports():
    assert not circle({name: set(modules(path)) - {name} for name, path in MODULES.items()})


def test_a_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}).keys() == {"a", "b", "c"}


def test_imports_stand_at_the_top():
    """Not in functions, where they hide circles; but for the command line and the public API, which
    load what is heavy only when it is asked for.
    """
    for path in set(FILES) - {*files_of("cli"), ROOT / "__init__.py"}:
        functions = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FUNCTION)
        ]
        assert not [n.lineno for f in functions for n in import_nodes(f)], path


def test_nothing_imports_the_command_line():
    for path in set(FILES) - set(files_of("cli")):
        assert not parts(path) & {"cli"}, path


def test_imports_are_seen():
    """The check itself: absolute, relative and nested imports are all found."""
    text = "import hwcnn.rtl.top\nfrom ..scheduler.ops import TileOp\n"
    text += "def f():\n    from .. import sim\n"
    assert set(imported(ROOT / "golden" / "file.py", text)) == {
        "rtl.top",
        "scheduler.ops.TileOp",
        "sim",
    }
