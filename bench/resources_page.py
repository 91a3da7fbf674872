"""docs/resources.md from the results of `resources.py`."""

import importlib.metadata

from hwcnn.config import VECTOR_FEATURES
from hwcnn.estimate import devices, pnr
from hwcnn.estimate.usage import KINDS

_HEAD = """\
# Resources

Made by `bench/resources.py` with Yosys {yosys} and nextpnr; RAMs in block RAMs of the family (36
Kbit, halves counted as halves and rounded up in the sum; ECP5: 18 Kbit). A LUT is one of the
family's size: up to 6 inputs for AMD's, 4 for Lattice's, where a bit of a carry chain is one too;
distributed RAM and shift registers are counted as the LUTs that hold them. AMD's inverters are not
counted: they go into the LUTs beside them.

## Formula against synthesis

`hwcnn estimate resources` answers by formula. The formulas are fitted to the synthesis of small
arrays (`FIT` in the script, up to {fitted}); these configurations were kept out of the fit. "All"
is every vector function: {functions}.

| family | configuration | LUTs: formula | Yosys | error | FFs: formula | Yosys | error \
| DSPs: formula | Yosys | RAMs: formula | Yosys |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""
_WARNINGS = """\

## Warnings

No latch is inferred. Yosys gives these warnings and no others: of its own library, of
its calls of ABC, and of ports of block RAMs that are wider than what they connect to.

"""
_PLACED = """\

## Placed and routed

nextpnr for ECP5, speed grade 8, asked for {mhz} MHz, out of context. Where a
device has too few multiplier blocks, the smallest multipliers are made of LUTs; where
more than three fifths of its block RAMs would be used, RAMs of few words are.

| device | configuration | LUTs | FFs | DSPs | RAMs | multipliers in LUTs \
| RAMs in LUTs up to | MHz |
|---|---|---:|---:|---:|---:|---:|---:|---:|
"""


def page(results):
    """The text of the page. results : `checked` and `placed`, rows as `resources.py` makes them."""
    head = {
        "yosys": importlib.metadata.version("pyosys"),
        "fitted": "16x8",
        "functions": ", ".join(VECTOR_FEATURES),
    }
    lines = _HEAD.format(**head).splitlines()
    lines += [_checked(row) for row in results["checked"]]
    for row in results["checked"]:
        if row["macs"] >= 256 and row["family"] != "xcup":
            lines += _components(row)
    lines += _placed(results["placed"]) if results["placed"] else []
    warnings = sorted({w for row in results["checked"] for w in row["warnings"]})
    lines += [*_WARNINGS.splitlines(), *(f"- `{warning}`" for warning in warnings)]
    return "\n".join(lines) + "\n"


def error(formula, synthesis):
    """How far the formula is off, in words."""
    if synthesis:
        return f"{100 * (formula / synthesis - 1):+.1f} %"
    return "" if formula == synthesis else "wrong"


def _row(*cells):
    return f"| {' | '.join(map(str, cells))} |"


def _checked(row):
    cells = [row["family"], row["config"]]
    for kind in KINDS:
        formula, synthesis = row["formula"][kind], row["synthesis"][kind]
        cells += [f"{formula:,}", f"{synthesis:,}"]
        if kind in ("luts", "ffs"):
            cells.append(error(formula, synthesis))
    return _row(*cells)


def _components(row):
    yield from (
        "",
        f"## {row['config']}, {row['family']}: what costs what",
        "",
        "| component | LUTs | FFs | DSPs | RAMs | LUTs a MAC | FFs a MAC |",
        "|---|---:|---:|---:|---:|---:|---:|",
    )
    for name, used in [*row["components"].items(), ("sum", row["synthesis"])]:
        a_mac = (f"{used[kind] / row['macs']:.1f}" for kind in ("luts", "ffs"))
        yield _row(name, *(f"{used[kind]:,}" for kind in KINDS), *a_mac)


def _placed(rows):
    yield from _PLACED.format(mhz=pnr.TARGET_MHZ).splitlines()
    for row in rows:
        device = devices.find(row["device"])
        used = (
            f"{row['used'][kind]:,} ({100 * row['used'][kind] / getattr(device, kind):.0f} %)"
            for kind in KINDS
        )
        in_luts = row["in_luts"]
        yield _row(
            row["device"],
            row["config"],
            *used,
            in_luts["multipliers"],
            in_luts["rams"],
            row["mhz"],
        )
    for row in rows:
        yield from (
            "",
            f"The slowest path of {row['config']} on {row['device']}:",
            "",
            *(f"- {step}" for step in row["path"]),
        )
