"""The results of `mutants.py` as a section of docs/reliability.md, and
docs/reliability/mutants.json.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, DATA = DOCS / "reliability.md", DOCS / "reliability" / "mutants.json"
TITLE = """# Reliability

What has been done to find defects, and what it found. The commands named write their sections.
"""
INTRO = """## Mutants

Seeded changes of the RTL's source, one at a time, over all blocks in proportion to their size:
{valid} of {count} (`make mutants`, seed {seed}). Arithmetic, comparisons, constants and indices
off by one, logic, inversions, conditions negated or left out, exchanged sources and operands,
statements left out. For each the tests of `make test` that concern the block run, the nearest
first, and whole accelerators, until one fails. What survived on the way got a test or a reason,
so the share is of the tests as they are now; with another seed it may be lower."""
STATUSES = ("killed", "survived", "equivalent", "identical", "stillborn")


def write_page(results, seed, count):
    DATA.parent.mkdir(parents=True, exist_ok=True)
    results = sorted(results, key=lambda r: (r["file"], r["line"], r["id"]))
    kept = [{k: v for k, v in r.items() if k not in ("rtl", "tests")} for r in results]
    DATA.write_text(json.dumps({"seed": seed, "count": count, "mutants": kept}, indent=1) + "\n")
    text = PAGE.read_text() if PAGE.exists() else TITLE
    section = _section(results, seed, count)
    text, replaced = re.subn(
        r"^## Mutants\n.*?(?=^## |\Z)", lambda _: section, text, flags=re.M | re.S
    )
    PAGE.write_text(text if replaced else text.rstrip("\n") + "\n\n" + section)


def _section(results, seed, count):
    counts = Counter(r["status"] for r in results)
    by_file = defaultdict(Counter)
    for r in results:
        by_file[r["file"].removesuffix(".py")][r["status"]] += 1
    valid = len(results) - counts["stillborn"]
    different = counts["killed"] + counts["survived"]
    hung = sum(r["hangs"] for r in results)
    lines = [
        INTRO.format(valid=valid, count=count, seed=seed),
        "",
        f"{counts['killed']} of the {different} that are not equivalent are killed, "
        f"{100 * counts['killed'] / max(1, different):.1f} %, {hung} of them because a test did "
        f"not end.\n{counts['identical']} give the same Verilog in all configurations tried, "
        f"{counts['equivalent']} are equivalent for the reasons below.\n"
        f"{counts['stillborn']} more could not be elaborated or built, and do not count. "
        f"{sum(r['seconds'] for r in results):.0f} s in all.\n"
        "Each mutant: `docs/reliability/mutants.json`.",
        "",
        "| block | " + " | ".join(STATUSES[:4]) + " |",
        "|---|" + "--:|" * 4,
    ]
    lines += [
        f"| {f} | " + " | ".join(str(by_file[f][s] or "") for s in STATUSES[:4]) + " |"
        for f in sorted(by_file)
    ]
    for status, title in (("survived", "Survived"), ("equivalent", "Equivalent")):
        if found := [r for r in results if r["status"] == status]:
            lines += ["", f"{title}:", ""]
            lines += [_line(r) for r in found]
    return "\n".join(lines) + "\n\n"


def _line(r):
    reason = f": {r['reason']}" if r.get("reason") else ""
    return (
        f"- `{r['file']}`, {r['where']}: `{_short(r['before'])}` to `{_short(r['after'])}`{reason}"
    )


def _short(text):
    return re.sub(r"\s+", " ", text)
