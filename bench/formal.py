"""Proves properties of the blocks, and that mutants of them are refuted: docs/reliability/formal.json and '## Formal proofs'.

Usage: python bench/formal.py [--only TEXT] [--jobs N] [--folder FOLDER]; with --only (a part of a proof's title or file), nothing is
written to docs. Exit code 1 where anything is not as it must be.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "formal"))

from jobs import jobs, run  # noqa: E402


def line(job, result):
    """What the terminal shows of a result."""
    length = {"proved": f"{result.get('engine')} {result['length']}", "bounded": f"{result['length']} cycles",
              "refuted": f"cycle {result['length']}"}.get(result["verdict"], result.get("failure", ""))
    kind = "" if job.kind == "property" else f"{job.kind}: "
    mark = "  " if result["right"] else "!!"
    text = f"{mark} {job.title:48} {kind}{job.property:45} {result['verdict']:8} {length:28} {result['seconds']:6.1f} s"
    if job.mutant is not None and result["right"]:
        return text
    return text if result["right"] or "waves" not in result else f"{text}\n   {result['waves']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "formal")
    options = parser.parse_args()
    todo = [job for job in jobs() if options.only in job.title or options.only in job.file]
    begun, results = time.monotonic(), []
    with ThreadPoolExecutor(options.jobs) as pool:
        for job, result in zip(todo, pool.map(lambda job: run(job, options.folder), todo)):
            print(line(job, result), flush=True)
            results.append(result)
    wrong = sum(not result["right"] for result in results)
    print(f"{len(results)} jobs, {wrong} wrong, {sum(r['seconds'] for r in results):.0f} s of proofs, {time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
