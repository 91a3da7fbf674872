"""Proves properties of the blocks, and that mutants of them are refuted:
docs/reliability/formal.json and '## Formal proofs'.

Usage: python bench/formal.py [--only TEXT] [--jobs N] [--folder FOLDER]; with --only, a part of a
proof's title or file, the other proofs' rows stay as they are. Exit code 1 where anything is not as
it must be.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "formal"))

from harness import TOGETHER  # noqa: E402
from jobs import KINDS, jobs, run  # noqa: E402

TITLE = "## Formal proofs"
HEAD = """Written by `make formal` ({date}: {seconds:.0f} s, a process after another; {properties}
properties hold, {unbounded} of them in runs of any length; {mutants} mutants refuted). The
blocks of `hwcnn/rtl` are taken as they are, at the parameters and constants named, between
assumptions about their surroundings (`tests/formal/proofs_*.py`). Amaranth writes RTLIL, Yosys
makes it flat, with `hwcnn_ram.v` as memory, where what a read of the word being written returns
is free. The first cycle resets what has a reset; all other registers and the RAMs begin with
any value. Three ways of proof:

- *PDR*: ABC's property directed reachability (IC3) found an inductive invariant, so any length;
  the number is the frame of it.
- *k-induction*: Yosys' `sat -tempinduct`, all properties together with lemmas about the block's
  registers, so any length; the number is k.
- *unrolling*: ABC's `bmc3` found no counterexample within so many cycles. **Beyond these
  nothing is proved.**

Data are the way of one freely chosen item that is followed through the block (`follow.py`), so
of all. That what waits moves on is proved as safety: within so many cycles, where the other
side answers. `reach` rows are runs that must exist, so that no assumption is contradictory;
`mutant` rows are changes of the block that the named property refutes, with waves, as any
counterexample has them (`build/formal/*/waves.vcd`).
"""


def length(result):
    """The verdict and how far it goes."""
    if result["verdict"] == "proved":
        return f"{result['engine']} {result['length']}" + (
            f", {result['clauses']} clauses" if result["clauses"] else ""
        )
    return {
        "bounded": f"unrolling, {result['length']} cycles",
        "refuted": f"in cycle {result['length']}",
        "failed": result.get("failure"),
    }.get(result["verdict"], "")


def line(job, result):
    """What the terminal shows of a result."""
    kind = "" if job.kind == "property" else f"{job.kind}: "
    mark = "  " if result["right"] else "!!"
    verdict = f"{result['verdict']} {length(result)} {result['seconds']:.1f} s"
    text = f"{mark} {job.title}: {kind}{job.property}: {verdict}"
    return f"{text}\n   {result['waves']}" if "waves" in result and not result["right"] else text


def row(job, result):
    """What formal.json keeps of a result."""
    what = "; ".join(job.covers) if job.property == TOGETHER else job.property
    if job.mutant is not None:
        what = f"`{job.mutant.old}` → `{job.mutant.new}`: {what}"
    kept = ("verdict", "engine", "length", "clauses", "seconds", "right", "failure")
    return {
        "proof": job.title,
        "kind": job.kind,
        "what": what,
        "properties": len(job.covers) if job.property == TOGETHER else 1,
    } | {key: result[key] for key in kept if key in result}


def section(rows):
    """The text of the section: a table a proof."""
    right = {kind: [row for row in rows if row["kind"] == kind and row["right"]] for kind in KINDS}
    counts = [
        sum(row["properties"] for row in right["property"] if row["verdict"] in verdicts)
        for verdicts in (("proved", "bounded"), ("proved",))
    ]
    text = [
        TITLE,
        "",
        HEAD.format(
            date=time.strftime("%Y-%m-%d"),
            seconds=sum(row["seconds"] for row in rows),
            properties=counts[0],
            unbounded=counts[1],
            mutants=len(right["mutant"]),
        ).rstrip(),
    ]
    for proof in dict.fromkeys(row["proof"] for row in rows):
        text += ["", f"### {proof}", "", "| what | verdict | length | s |", "|---|---|---|---:|"]
        for row in rows:
            if row["proof"] == proof:
                what = row["what"] if row["kind"] == "property" else f"{row['kind']}: {row['what']}"
                verdict = (
                    ("found" if row["kind"] == "reach" else row["verdict"])
                    if row["right"]
                    else "**WRONG**"
                )
                what, took = what.replace("|", "\\|"), f"{row['seconds']:.1f}"
                text.append(f"| {what} | {verdict} | {length(row)} | {took} |")
    return "\n".join(text) + "\n"


def write(rows, titles):
    """docs/reliability/formal.json, where the rows of the same proofs are replaced and only those
    of `titles` stay, in this order, and the section in docs/reliability.md, whose other sections
    stay.
    """
    data, page = ROOT / "docs" / "reliability" / "formal.json", ROOT / "docs" / "reliability.md"
    data.parent.mkdir(exist_ok=True)
    new = {row["proof"] for row in rows}
    rows = rows + [
        row
        for row in (json.loads(data.read_text()) if data.exists() else [])
        if row["proof"] not in new
    ]
    rows = [row for title in titles for row in rows if row["proof"] == title]
    data.write_text(json.dumps(rows, indent=1) + "\n")
    text = page.read_text() if page.exists() else "# Reliability\n"
    before, _, after = f"\n{text}".partition(f"\n{TITLE}\n")
    _, more, rest = after.partition("\n## ")
    page.write_text(f"{before.strip()}\n\n{section(rows)}" + (f"\n## {rest}" if more else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "formal")
    options = parser.parse_args()
    everything = jobs()
    todo = [job for job in everything if options.only in job.title or options.only in job.file]
    begun, done = time.monotonic(), []
    with ThreadPoolExecutor(options.jobs) as pool:
        for job, result in zip(
            todo, pool.map(lambda job: run(job, options.folder), todo), strict=True
        ):
            print(line(job, result), flush=True)
            done.append((job, result))
    wrong = sum(not result["right"] for _, result in done)
    seconds = sum(result["seconds"] for _, result in done)
    took = time.monotonic() - begun
    print(f"{len(done)} jobs, {wrong} wrong, {seconds:.0f} s of proofs, {took:.0f} s")
    write(
        [row(job, result) for job, result in done], dict.fromkeys(job.title for job in everything)
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
