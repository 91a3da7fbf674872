"""Habits that CONTRIBUTING.md promises of the package: types, docstrings, lengths."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("hwcnn/**/*.py"), *ROOT.glob("models/**/*.py")])
#: Begins the sentence of a docstring that says why a file or function is longer than others.
REASON = "Long since"
MOST_LINES, MOST_LINES_OF_FUNCTION = 300, 60
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def public(tree: ast.Module, prefix="", methods=True):
    """(name, node) of each class and function whose name does not begin with an underscore; those
    inside functions are nobody's business.
    """
    for node in tree.body:
        if isinstance(node, _FUNCTIONS | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if methods and isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}{node.name}.")


def untyped(tree: ast.Module):
    """What has no annotation, as "name(argument)" or "name -> result"."""
    for name, node in public(tree):
        if isinstance(node, ast.ClassDef):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        static = any(ast.unparse(d) == "staticmethod" for d in node.decorator_list)
        if "." in name and not static:
            arguments = arguments[1:]  # self or cls
        for argument in filter(None, [*arguments, node.args.vararg, node.args.kwarg]):
            if argument.annotation is None:
                yield f"{name}({argument.arg})"
        if node.returns is None:
            yield f"{name} -> result"


def undescribed(tree: ast.Module):
    """The module, and its public classes and functions, that have no docstring."""
    if ast.get_docstring(tree) is None:
        yield "the module"
    yield from (n for n, node in public(tree, methods=False) if ast.get_docstring(node) is None)


def too_long(tree: ast.Module, text: str):
    """The file itself, and functions at any depth, that are too long and do not say why."""
    lines = len(text.splitlines())
    if lines > MOST_LINES and REASON not in (ast.get_docstring(tree) or ""):
        yield f"the file: {lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            lines = node.end_lineno - node.lineno + 1
            if lines > MOST_LINES_OF_FUNCTION and REASON not in (ast.get_docstring(node) or ""):
                yield f"{node.name}: {lines} lines"


RULES = {
    "typed": lambda tree, text: untyped(tree),
    "described": lambda tree, text: undescribed(tree),
    "short": too_long,
}


@pytest.mark.parametrize("rule", RULES)
def test_every_file_is(rule):
    found = []
    for path in FILES:
        text = path.read_text()
        broken = RULES[rule](ast.parse(text), text)
        found += [f"{path.relative_to(ROOT)}: {what}" for what in broken]
    assert len(FILES) > 150
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    "rule, text, expected",
    [
        ("typed", "def f(a, *b: int, c=1) -> int: ...", ["f(a)", "f(c)"]),
        ("typed", "class C:\n def f(self, a: int): ...", ["C.f -> result"]),
        ("typed", "class C:\n @staticmethod\n def f(a) -> int: ...", ["C.f(a)"]),
        ("typed", "class C:\n @classmethod\n def f(cls, a: int) -> int: ...", []),
        ("typed", "def _f(a): ...\nclass _C:\n def f(self, a): ...", []),
        ("described", "def f(): ...\nclass C:\n 'doc'", ["the module", "f"]),
        ("short", "def f():\n" + " a = 1\n" * 59, []),
        ("short", "def f():\n" + " a = 1\n" * 60, ["f: 61 lines"]),
        ("short", "def f():\n 'Long since it is a table.'\n" + " a = 1\n" * 60, []),
        ("short", "a = 1\n" * 301, ["the file: 301 lines"]),
        ("short", "'Long since it is a table.'\n" + "a = 1\n" * 301, []),
    ],
)
def test_rules_see(rule, text, expected):
    assert list(RULES[rule](ast.parse(text), text)) == expected


def tracked() -> list[str]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file()]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_are_named_exist(page):
    named = set(re.findall(r"`([\w./]+\.(?:py|md|cpp|toml))`", (ROOT / page).read_text()))
    exist = ["/" + name for name in tracked()]
    made = {"accel.toml"}
    assert len(named) > 3
    missing = {name for name in named if not any(e.endswith("/" + name) for e in exist)}
    assert missing <= made


def test_no_path_of_a_machine_is_in_any_file():
    machine = re.compile(rb"/(" + b"|".join((b"work", b"home", b"root", b"Users")) + rb")/")
    texts = {name: (ROOT / name).read_bytes() for name in tracked()}
    assert len(texts) > 300
    assert [name for name, text in texts.items() if machine.search(text)] == []
