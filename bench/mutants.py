"""Changes of the RTL, one at a time: does a test fail? Results in docs/reliability.md and
docs/reliability/mutants.json.

    python bench/mutants.py [--count N] [--seed N] [--jobs N] [--first N] [--near N]
                            [--file BLOCK] [--only ID ...] [--list] [--report]

A mutant is a copy of the package with one change (`mutation.py`) in hwcnn/rtl. The tests of the
block that it is in run first, then those of the blocks around it and those of WHOLE accelerators;
the first that fails ends it. A block is named by its path below hwcnn/rtl, such as bus/reader. A
test whose simulator the change leaves as it was is skipped (`mutant_tests.py`).

    killed      a test failed, or did not end.
    identical   equivalent: the Verilog is the same in all configurations that are tested, and in
                those of CONFIGS.
    equivalent  mutants_equivalent.json says why no test can tell it from the original; such are
                not run.
    survived    no test failed.
    stillborn   the change is not legal Python, Amaranth or Verilog; another takes its place.

Results are appended to build/mutants.jsonl, a line each. A mutant whose result is there, of the
same RTL file and tests, is not run again; one that survived runs only the tests that have changed
since.
"""

import argparse
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutation
from mutant_page import write_page
from rtl_blocks import ROOT, RTL, blocks, digest, helpers, tests_of

RESULTS, BASELINE = ROOT / "build" / "mutants.jsonl", ROOT / "build" / "mutants_baseline.json"
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.json")
#: Whole accelerators whose Verilog is compared where no test's changes.
CONFIGS = [
    dict(rows=4, cols=4),
    dict(rows=16, cols=8, axi_bytes=32),
    dict(rows=4, cols=16, axi_bytes=32, features=()),
    dict(rows=32, cols=4, axi_bytes=8),
    dict(rows=8, cols=8, axi_bytes=64, weight_fifo=64, queue_words=16),
]
EMIT = """
import hashlib, json, sys
from hwcnn.config import AccelConfig
from hwcnn.rtl.top import Accelerator
from hwcnn.rtl.verilog import to_verilog
for c in json.loads(sys.argv[1]):
    text = to_verilog(Accelerator(AccelConfig.from_dict(c)), "hwcnn")
    print(hashlib.sha256(text.encode()).hexdigest())
"""


def chosen(count, seed, only_file=None):
    """Candidates by file, in proportion to its number of possible changes, twice as many as wanted;
    and how many are.
    """
    found = {b: mutation.mutations(f"{b}.py", p.read_text()) for b, p in blocks().items()}
    found = {f: m for f, m in found.items() if m and (only_file is None or f == only_file)}
    total = sum(map(len, found.values()))
    quota = {f: max(1, math.floor(count * len(m) / total)) for f, m in found.items()}
    rest = sorted(found, key=lambda f: quota[f] - count * len(found[f]) / total)
    for f in rest[: max(0, count - sum(quota.values()))]:
        quota[f] += 1
    return {f: mutation.sample(found[f], 2 * quota[f] + 4, f"{seed}/{f}") for f in found}, quota


class Mutants:
    """Runs mutants; each in a folder of its own, with the simulators of the original at hand."""

    def __init__(self, chosen, near=None, run=True):
        self.tests = {block: files[:near] for block, files in tests_of().items() if block in chosen}
        self.done = {}
        self.reasons = json.loads(EQUIVALENT.read_text())
        self.lock = threading.Lock()
        RESULTS.parent.mkdir(exist_ok=True)
        if RESULTS.exists():
            self.done = {r["id"]: r for r in map(json.loads, RESULTS.read_text().splitlines())}
        self.runs = run
        if run:
            self._baseline()

    def _baseline(self):
        """Of the original, which passes all tests: the simulators of each test file, and the
        Verilog of CONFIGS.
        """
        known = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        every = tests_of()
        files = sorted({p for found in self.tests.values() for p in found})
        stamps = {
            f.name: digest(*helpers(f), *(RTL / f"{b}.py" for b in sorted(every) if f in every[b]))
            for f in files
        }
        if stale := [f for f in files if known.get(f.name, {}).get("stamp") != stamps[f.name]]:
            print("the original:", *(f.name for f in stale), flush=True)
            with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
                tests = self._pytest(Path(folder), stale, original=True)
            for f in stale:
                own = [t for t in tests if _file(t["id"]) == f.name]
                if (
                    failed := [t["id"] for t in own if t["outcome"] not in ("passed", "unchanged")]
                    or not own
                ):
                    sys.exit(f"the original fails {failed}" if own else f"{f.name} does not run")
                known[f.name] = {
                    "stamp": stamps[f.name],
                    "simulators": sorted({t["simulator"] for t in own} - {None}),
                }
                BASELINE.write_text(json.dumps(known))
        stamp = hashlib.sha256(
            (EMIT + repr(CONFIGS) + digest(*sorted(RTL.rglob("*.py")))).encode()
        ).hexdigest()
        if known.get("verilog", {}).get("stamp") != stamp:
            known["verilog"] = {"stamp": stamp, "text": self._emitted(ROOT)}
            BASELINE.write_text(json.dumps(known))
        self.simulators = {s for f in files for s in known[f.name]["simulators"]}
        self.verilog = known["verilog"]["text"]

    @staticmethod
    def _emitted(folder):
        run = subprocess.run(
            [sys.executable, "-c", EMIT, json.dumps(CONFIGS)],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        return run.stdout

    def _pytest(self, folder, files, original=False):
        """Run test files in `folder`, whose package comes first if it has one: the plug-in's
        report.
        """
        report = folder / "report.json"
        env = os.environ | {
            "MUTANT_REPORT": str(report),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parent)]),
        }
        env |= (
            {"MUTANT_ORIGINAL": "1"}
            if original
            else {"COCOTB_MAX_FAILURES": "1", "HWCNN_CACHE": str(folder / "cache")}
        )
        options = [
            "-q",
            "-p",
            "mutant_tests",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "--rootdir",
            str(ROOT),
            "-c",
            str(ROOT / "pyproject.toml"),
            "--basetemp",
            str(folder / "tmp"),
        ]
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                *options,
                *([] if original else ["-x"]),
                *map(str, files),
            ],
            cwd=folder,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return json.loads(report.read_text()) if report.exists() else []

    def _package(self, folder, mutant):
        """The package with the change, and a cache in which the original's simulators are links, to
        nothing of use.
        """
        changed = Path("hwcnn", "rtl", mutant.file)
        for inside in list(changed.parents)[-2::-1]:  # hwcnn, hwcnn/rtl, the block's folder
            (folder / inside).mkdir()
            for item in (ROOT / inside).iterdir():
                if item.name != "__pycache__" and item not in (ROOT / p for p in changed.parents):
                    (folder / inside / item.name).symlink_to(item)
        (folder / changed).unlink()
        (folder / changed).write_text(mutant.apply((ROOT / changed).read_text()))
        (folder / "hwcnn" / "models").symlink_to(ROOT / "models")
        from hwcnn import cache

        shared, own = cache.directory() / "verilator", folder / "cache" / "verilator"
        own.mkdir(parents=True)
        for runtime in shared.glob("runtime-*"):
            (own / runtime.name).symlink_to(runtime)
        for name in self.simulators:
            (own / name).symlink_to(own)

    def left(self, mutant):
        """(an earlier result or None, the test files that have changed since or that did not run);
        none for a killed mutant.
        """
        now = {
            f: digest(*helpers(f))
            for f in self.tests[mutant.file.removesuffix(".py")]
            if f.exists()
        }
        known = self.done.get(mutant.id)
        if not known or known["rtl"] != digest(RTL / mutant.file):
            return None, now
        then = known["tests"]
        if known["status"] in ("killed", "stillborn") and all(
            then.get(f.name, stamp) == stamp for f, stamp in now.items()
        ):
            return known, {}
        return known, {f: stamp for f, stamp in now.items() if then.get(f.name) != stamp}

    def run(self, mutant):
        """The result of a mutant, also appended to the file; None where there is none and none is
        to be run.
        """
        what = {
            k: getattr(mutant, k)
            for k in ("id", "file", "line", "where", "operator", "before", "after")
        }
        if mutant.id in self.reasons:
            return what | {
                "status": "equivalent",
                "reason": self.reasons[mutant.id],
                "killer": None,
                "hangs": False,
                "seconds": 0,
            }
        known, left = self.left(mutant)
        if not left or not self.runs:
            return known if not left or (known and known["status"] == "survived") else None
        began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="mutant-"))
        try:
            self._package(folder, mutant)
            tests = self._pytest(folder, left)
            status, killer = self._judge(folder, tests)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        passed = {
            f.name: stamp for f, stamp in left.items() if not killer or f.name == _file(killer)
        }
        if known and status in ("survived", "identical"):
            passed = known["tests"] | passed
            status = "survived" if "survived" in (status, known["status"]) else status
        result = what | {
            "status": status,
            "killer": killer,
            "hangs": any(t["outcome"] == "hangs" for t in tests),
            "seconds": round(time.monotonic() - began, 1),
            "rtl": digest(RTL / mutant.file),
            "tests": passed,
        }
        with self.lock:
            self.done[mutant.id] = result
            with RESULTS.open("a") as file:
                file.write(json.dumps(result) + "\n")
        return result

    def _judge(self, folder, tests):
        """(status, the test that failed)."""
        if not tests or tests[-1]["outcome"] == "stillborn":
            return "stillborn", None
        if tests[-1]["outcome"] in ("failed", "hangs"):
            return "killed", tests[-1]["id"]
        if (
            all(t["outcome"] == "unchanged" or t["simulator"] is None for t in tests)
            and self._emitted(folder) == self.verilog
        ):
            return "identical", None
        return "survived", None


def _file(test):
    """The name of the file of a test's id."""
    return Path(test.split("::")[0]).name


def run_all(mutants, candidates, quota, first, jobs):
    """Results of the quota of each file, first of all files in turn; a stillborn mutant's place
    goes to the next of its file.
    """
    rounds = [
        (position, file)
        for file, n in quota.items()
        for position in ((k + 0.5) / n for k in range(n))
    ]
    order = [file for _, file in sorted(rounds)][:first]
    waiting = {file: iter(found) for file, found in candidates.items()}
    results = []

    def place(file):
        while True:
            with mutants.lock:
                mutant = next(waiting[file], None)
            if mutant is None:
                return
            result = mutants.run(mutant)
            if result is None:
                return
            with mutants.lock:
                results.append(result)
                took, killer = f"{result['seconds']:6} s", result["killer"] or ""
                print(
                    f"{len(results):4} {result['status']:9} {took}  {mutant}  {killer}", flush=True
                )
            if result["status"] != "stillborn":
                return

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(place, order))
    return results


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--first", type=int, help="only so many of them")
    parser.add_argument("--near", type=int, help="only so many test files for each, the nearest")
    parser.add_argument("--file", help="only of one block, such as vector/window")
    parser.add_argument("--only", nargs="+", help="mutants by their id")
    parser.add_argument("--list", action="store_true", help="show them, run nothing")
    parser.add_argument(
        "--report", action="store_true", help="run nothing, write the page of the results there are"
    )
    options = parser.parse_args()
    candidates, quota = chosen(options.count, options.seed, options.file)
    if options.list:
        for file, found in candidates.items():
            for m in found[: quota[file]]:
                print(m.operator.ljust(10), m)
        return
    if options.only:
        every = [
            m for b, p in blocks().items() for m in mutation.mutations(f"{b}.py", p.read_text())
        ]
        candidates = {m.id: [m] for m in every if m.id in options.only}
        if unknown := sorted(set(options.only) - set(candidates)):
            parser.error(f"no mutant is called {', '.join(unknown)}: see --list")
        quota = dict.fromkeys(candidates, 1)
    mutants = Mutants(
        {found[0].file.removesuffix(".py") for found in candidates.values()},
        options.near,
        not options.report,
    )
    results = run_all(mutants, candidates, quota, options.first, options.jobs)
    counts = Counter(r["status"] for r in results)
    print(dict(counts))
    whole = not (options.only or options.file or options.first or options.near)
    if whole:
        write_page(results, options.seed, options.count)
    living = counts["killed"] + counts["survived"]
    sys.exit(counts["killed"] < 0.95 * living)


if __name__ == "__main__":
    main()
