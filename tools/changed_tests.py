"""Runs the tests of what changed: `make check`.

Changed is what differs from the branch's start on main, committed or not; on main itself, what
is not committed, or else the last commit. The tests of a file follow from its place, as tests/
mirrors hwcnn/: hwcnn/rtl/bus/axi.py is tested by tests/rtl/bus/test_axi.py, or, where there is no
test of that name, by all tests of tests/rtl/bus, or of the nearest folder above that has tests.

Usage: python tools/changed_tests.py [--list] [--since COMMIT] [PYTEST'S ARGUMENTS ...]
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALWAYS = ("tests/test_imports.py", "tests/test_house.py")
ROOMS = {"hwcnn": "tests", "models": "tests/models", "bench": "tests/bench", "tests": "tests"}


def git(*arguments: str) -> list[str]:
    """The lines that a git command prints; none where it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else []


def changed(since: str | None = None) -> list[Path]:
    """The files that differ from the commit `since`, by default as the module's text says."""
    new = git("ls-files", "--others", "--exclude-standard")
    if since is None:
        head = git("rev-parse", "HEAD")
        start = next(
            filter(None, (git("merge-base", "HEAD", b) for b in ("main", "origin/main"))), head
        )
        since = start[0] if start != head or new or git("diff", "--name-only", "HEAD") else "HEAD~1"
    return [Path(name) for name in sorted({*git("diff", "--name-only", since), *new})]


def tests_of(file: Path, root: Path = ROOT) -> set[str]:
    """The test files (paths below `root`) that a changed file concerns."""
    room = ROOMS.get(file.parts[0])
    if room is None or file.suffix in (".md", ".json"):
        return set()
    name = file.stem.removesuffix("_tests").removeprefix("test_")
    folder = Path(room, *file.parts[1:-1])
    if (root / folder / f"test_{name}.py").exists():
        return {str(folder / f"test_{name}.py")}
    while not (tests := sorted((root / folder).glob("test_*.py"))) and folder != Path(room):
        folder = folder.parent
    # What all rooms share would ask for all tests: that is `make test`.
    return set() if folder == Path("tests") else {str(test.relative_to(root)) for test in tests}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="only print the tests")
    parser.add_argument("--since", metavar="COMMIT")
    arguments, rest = parser.parse_known_args()
    files = changed(arguments.since)
    found = set(ALWAYS).union(*(tests_of(file) for file in files))
    tests = sorted(test for test in found if (ROOT / test).exists())
    print(f"{len(files)} files changed; tests:", *tests, sep="\n  ", flush=True)
    if arguments.list:
        return 0
    return subprocess.call(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", *rest, *tests],
        cwd=ROOT,
    )


if __name__ == "__main__":
    sys.exit(main())
