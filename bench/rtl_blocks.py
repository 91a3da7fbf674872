"""The blocks of the RTL, and the tests of each."""

import ast
import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RTL, TESTS = ROOT / "hwcnn" / "rtl", ROOT / "tests" / "rtl"
#: Compiled networks in RTL, a hand-written one, errors of the bus.
WHOLE = [
    next((ROOT / "tests").rglob(f"{name}.py"))
    for name in ("test_minimal_rtl", "test_top", "test_faults")
]
#: Tables and text, not hardware.
LEFT_OUT = {"host/registers", "verilog", "lib/ram"}


def digest(*paths):
    return hashlib.sha256(b"".join(p.read_bytes() for p in paths)).hexdigest()[:12]


def blocks():
    """The blocks and their files: what is below hwcnn/rtl, without the packages' own files."""
    found = {p.relative_to(RTL).with_suffix("").as_posix(): p for p in sorted(RTL.rglob("*.py"))}
    return {b: p for b, p in found.items() if p.stem != "__init__" and b not in LEFT_OUT}


def test_modules():
    """Python files of tests/rtl by their names, which are unique: the folders are no packages."""
    return {p.stem: p for p in sorted(TESTS.rglob("*.py"))}


def tests_of():
    """Test files by block, its own first, then those that test the least beside it."""
    uses = {p: _closure(p) for name, p in test_modules().items() if name.startswith("test_")}

    def order(block):
        name = block.split("/")[-1]
        own = {f"test_{name}", f"test_{block.replace('/', '_')}"}
        whole = {path: 1 + k for k, path in enumerate(WHOLE)}
        return lambda path: (path.stem not in own, whole.get(path, 0), len(uses.get(path, ())))

    return {
        b: sorted({p for p in uses if b in uses[p]} | set(WHOLE), key=order(b)) for b in blocks()
    }


def _closure(path):
    """The blocks that a test file elaborates."""
    found, todo, rtl, tests = set(), [path], blocks(), test_modules()
    while todo:
        for name in _imported(todo.pop()):
            block = name.removeprefix("hwcnn.rtl.").replace(".", "/")
            if name.startswith("hwcnn.rtl.") and block in rtl and block not in found:
                found.add(block)
                todo.append(rtl[block])
            elif name in tests and name != "testbench":
                todo.append(tests[name])
    return found


def _imported(path):
    """Names of the modules from which a file imports, siblings with their package."""
    package = path.parent.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield ".".join((*package, node.module or "")) if node.level else node.module or ""


def helpers(path):
    """A test file and what it names of tests/rtl: benches, and what runs in the simulator."""
    named = set(re.findall(r"\w+", path.read_text())) - {"testbench"}
    return [path, *(p for name, p in test_modules().items() if name in named)]
