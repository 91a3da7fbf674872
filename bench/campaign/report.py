"""The campaign's section of docs/reliability.md, and its figures as JSON."""

import json
import re

from .results import ROOT

FOLDER = ROOT / "docs" / "reliability"
PAGE = ROOT / "docs" / "reliability.md"
#: What campaigns have found so far, written by hand: a list of {"what", "mended" (commit)}.
FOUND = FOLDER / "campaign_found.json"
TITLE = "## Random campaign"
_HEAD = (
    "# Reliability\n\nWhat was tried to find this project wrong, and what came of it. "
    "Every figure is made by the command beside it.\n"
)

_INTRO = """\
Random networks (every operator of `hwcnn ops`; float, QDQ and QLinear; extreme scales, zero points
and weights) on random legal configurations, most of them at their parameters' minima. Golden is
compared with onnxruntime layer by layer, the ISA engine and the RTL with golden bit by bit, and
every program passes `scheduler/check.py`. A layer that differs from onnxruntime by more than a
step, or by one in more than 0.1 % of its elements, passes only if onnxruntime agrees with all
values moved by 1/256 of a step before it rounds them (near halves its float32 decides), and with
golden's whole bias in the place of a float one; what is named apart passes with differences of
one."""


def record(figures, args):
    """Write both."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "campaign.json").write_text(
        json.dumps(figures | {"seed": args.seed}, indent=1) + "\n"
    )
    replace_section(
        PAGE, TITLE, section(figures, args.seed, json.loads(FOUND.read_text()), args.note)
    )


def replace_section(page, title, text):
    """Put a section in the place of the one of that title, or at the end of the page, which is made
    where missing.
    """
    old = page.read_text() if page.exists() else _HEAD
    new = f"{title}\n\n{text.strip()}\n"
    pattern = re.compile(rf"^{re.escape(title)}$.*?(?=^## |\Z)", re.M | re.S)
    page.write_text(
        pattern.sub(lambda _: new + "\n", old, count=1).rstrip() + "\n"
        if pattern.search(old)
        else old.rstrip() + "\n\n" + new
    )


def section(figures, seed, found, note):
    """The text: the figures of `summary`, and what was found on the way."""
    rows = [
        ("networks through the ISA engine", figures["isa_networks"]),
        ("runs of these, on up to three configurations each", figures["isa_runs"]),
        ("of them compared with onnxruntime, layer by layer", figures["ort_networks"]),
        ("RTL runs under random stalls and latencies", figures["rtl_runs"]),
        ("configurations of these", figures["rtl_configurations"]),
        ("faults injected into programs and reported as they should", figures["faults_injected"]),
        ("networks refused, each with a line that says why", figures["networks_refused"]),
        ("failures", sum(figures["failures"].values())),
    ]
    command = (
        f"python bench/campaign.py --isa {figures['isa_networks']} "
        f"--ort {figures['ort_networks']} --rtl {figures['rtl_runs']} "
        f"--configs {figures['rtl_configurations']} --seed {seed} --record"
    )
    lines = [_INTRO, "", f"`{command}`", *filter(None, [note]), "", "| | |", "|---|---:|"]
    lines += [f"| {name} | {value:,} |" for name, value in rows]
    lines += [
        "",
        "RTL configurations by array: "
        + ", ".join(f"{pe} {n}" for pe, n in figures["rtl_sides"].items())
        + ".",
        "",
    ]
    lines += ["| operation | elements compared with onnxruntime | equal % |", "|---|---:|---:|"]
    lines += [
        f"| {op} | {elements:,} | {share} |"
        for op, (elements, share) in figures["ort_layers"].items()
    ]
    lines += [
        "",
        *(
            f"Covered: {seen:,} of {possible:,} {what}."
            for what, (seen, possible, _) in figures["pairs"].items()
        ),
    ]
    lines += [
        f"Not covered, {kind}: {', '.join(names)}."
        for kind, names in figures["not_covered"].items()
    ]
    lines += [f"{n} failed: {what}." for what, n in figures["failures"].items()]
    lines += [
        "",
        f"Found on the way, and mended ({len(found)}):",
        "",
        *(f"- {one['what']} ({one['mended']})." for one in found),
    ]
    return "\n".join(lines)
