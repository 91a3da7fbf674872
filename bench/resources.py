"""Calibrates the resource formulas by synthesis, and checks them on configurations that were kept
out: docs/resources.md.

Usage: python bench/resources.py fit|check|report [FAMILY ...], or place [PE ...], such as 8x16

`fit` writes hwcnn/estimate/coefficients.json, `check` and `place` docs/resources.json, and each of
them docs/resources.md. Synthesis is cached (hwcnn.cache), so that a run which was
interrupted goes on where it ended.
"""

import argparse
import importlib.metadata
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

import hwcnn.estimate
from hwcnn.config import VECTOR_FEATURES, AccelConfig
from hwcnn.estimate import devices, model, netlist, pnr, resources, synth
from hwcnn.estimate.components import BLOCKS, FEATURES, block_of
from hwcnn.estimate.families import FAMILIES
from hwcnn.rtl.verilog import accelerator_verilog

COEFFICIENTS = Path(hwcnn.estimate.__file__).with_name("coefficients.json")
DOCS = Path(__file__).parents[1] / "docs"
DEFAULT_FAMILIES = ("xc7", "xcup", "ecp5")


def _config(rows, cols, axi, features=VECTOR_FEATURES, **more):
    return AccelConfig(rows=rows, cols=cols, axi_bytes=axi, features=tuple(features), **more)


def _fitted(*arguments, **more):
    return _config(*arguments, queue_words=32, **more)


#: What is fitted: small arrays of all shapes, with vectors narrower and wider than the bus, and
#: every vector function several times.
FIT = (
    _fitted(4, 4, 8),
    _fitted(8, 4, 16, ("pool", "eltwise")),
    _fitted(4, 8, 16, ()),
    _fitted(8, 8, 32, ("affine", "lrn", "lut")),
    _fitted(16, 8, 8, act_kib=64),
    _fitted(8, 16, 16, ("pool",)),
    _fitted(4, 16, 32),
    _fitted(16, 4, 16, ("pool", "eltwise", "lut")),
)
#: The same without multiplier blocks in the array, to see what they cost in LUTs.
SOFT = FIT[2]
#: What the formulas are checked on.
KEPT = (
    _config(4, 4, 16, ("eltwise", "lut"), act_kib=16, acc_depth=128, param_slots=16),
    _config(8, 8, 16, act_kib=64, acc_depth=256),
    _config(8, 16, 32, ("pool", "eltwise", "affine"), pool_depth=256),
    _config(16, 16, 16),
    _config(32, 32, 32, ("pool", "eltwise", "lut"), act_kib=256, weight_fifo=1024),
)
#: What is placed and routed: device and configuration.
PLACED = (
    ("lfe5u-45f", _fitted(4, 4, 8, act_kib=16)),
    ("lfe5u-45f", _fitted(8, 8, 8, act_kib=16)),
    ("lfe5u-85f", _fitted(8, 16, 8, act_kib=64)),
)


def show(text):
    print(text, flush=True)


def measure(config, family, in_luts=None):
    """``{block: {luts, ffs, dsps, brams}}`` by synthesis."""
    folder = synth.synthesise(accelerator_verilog(config), family, in_luts or synth.InLuts())
    cells = netlist.by_type(synth.owners(folder), lambda path: block_of(path).path)
    return {block.path: FAMILIES[family].count(cells.get(block.path, {})) for block in BLOCKS}


def fit(family):
    """``{block: {feature: [LUTs, flip-flops, multipliers, block RAMs]}}``: least squares over
    `FIT`, RAMs by shape taken off.
    """
    rows = []
    for config in FIT:
        measured, memory = measure(config, family), model.ram_resources(config, family)
        show(f"{family} {_label(config)}: {model.total(measured)}")
        rows.append(
            {
                path: [used[kind] - memory.get(path, {}).get(kind, 0) for kind in model.KINDS]
                for path, used in measured.items()
            }
        )
    return {block.path: _solve(block, rows) for block in BLOCKS} | {model.SOFT: _soft(family)}


def _soft(family):
    """``{feature: [LUTs, flip-flops, multipliers, block RAMs]}`` of a multiplier that is made of
    LUTs.
    """
    plain, soft = (
        model.total(measure(SOFT, family, synth.InLuts(n))) for n in (0, SOFT.rows * SOFT.cols)
    )
    per = [(soft[kind] - plain[kind]) / (SOFT.rows * SOFT.cols) for kind in model.KINDS]
    return {"1": [round(n, 4) for n in per]}


def _solve(block, rows):
    points = [
        (config, row[block.path])
        for config, row in zip(FIT, rows, strict=True)
        if block.built(config)
    ]
    features = np.array(
        [[FEATURES[f](config) for f in block.features] for config, _ in points], float
    )
    measured = np.array([row for _, row in points], float)
    solution = _least_squares(features, measured)
    return {
        f: [round(float(v), 4) for v in row]
        for f, row in zip(block.features, solution, strict=True)
    }


def _least_squares(features, measured):
    """Least squares of relative errors. Nothing costs less than nothing, but a RAM may have bits
    that nobody reads.
    """
    solutions = []
    for kind, column in zip(model.KINDS, measured.T, strict=True):
        weight = 1 / np.maximum(np.abs(column), 30)
        solve = np.linalg.lstsq if kind == "brams" else nnls
        solutions.append(solve(features * weight[:, None], column * weight)[0])
    return np.array(solutions).T


def _label(config):
    functions = "all" if config.features == VECTOR_FEATURES else "+".join(config.features) or "none"
    plain = AccelConfig(config.rows, config.cols)
    sizes = " ".join(
        f"{name}={value}"
        for name, value in config.to_dict().items()
        if name not in ("rows", "cols", "axi_bytes", "features") and value != getattr(plain, name)
    )
    return f"{config.pe}, {8 * config.axi_bytes}-bit AXI, {functions}" + (
        f", {sizes}" if sizes else ""
    )


def check(family, configs, results):
    """Rows of formula and synthesis into results."""
    for config in configs:
        folder = synth.synthesise(accelerator_verilog(config), family)
        real, guess = resources.synthesised(folder, family), model.components(config, family)
        row = {
            "family": family,
            "config": _label(config),
            "pe": config.pe,
            "macs": config.rows * config.cols,
            "synthesis": model.total(real),
            "formula": model.total(guess),
            "components": real,
            "formula_components": guess,
            "warnings": synth.warnings(folder),
        }
        _put(results["checked"], row, ("family", "config"))
        show(
            f"{family} {row['config']}: "
            + ", ".join(
                f"{kind} {guess} / {real} {_error(guess, real)}"
                for kind, guess, real in (
                    (kind, row["formula"][kind], row["synthesis"][kind]) for kind in model.KINDS
                )
            )
        )
        _write(results)


def _put(rows, row, keys):
    """The row in place of that with the same keys."""
    same = [n for n, old in enumerate(rows) if all(old[k] == row[k] for k in keys)]
    if same:
        rows[same[0]] = row
    else:
        rows.append(row)


def _error(guess, real):
    return f"{100 * (guess / real - 1):+.1f} %" if real else "" if guess == real else "wrong"


def place(results, sizes):
    """What place and route says of `PLACED`, or of those of some sizes."""
    for name, config in (item for item in PLACED if not sizes or item[1].pe in sizes):
        part = devices.find(name)
        in_luts = model.scarce(config, part)
        folder = synth.synthesise(accelerator_verilog(config), part.family, in_luts)
        used, timing = (
            model.total(resources.synthesised(folder, part.family)),
            pnr.place(folder, part, show),
        )
        row = {
            "device": name,
            "config": _label(config),
            "used": used,
            "in_luts": asdict(in_luts),
            "mhz": timing.mhz,
            "path": list(timing.path),
        }
        _put(results["placed"], row, ("device", "config"))
        show(f"{name} {row['config']}: {used}, {timing.mhz} MHz\n  " + "\n  ".join(timing.path))
        _write(results)


def _read():
    path = DOCS / "resources.json"
    return json.loads(path.read_text()) if path.exists() else {"checked": [], "placed": []}


def _write(results):
    (DOCS / "resources.json").write_text(json.dumps(results, indent=1) + "\n")
    (DOCS / "resources.md").write_text(report(results))


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


def report(results):
    """docs/resources.md."""
    lines = [
        _HEAD.format(
            yosys=importlib.metadata.version("pyosys"),
            fitted="16x8",
            functions=", ".join(VECTOR_FEATURES),
        ).rstrip()
    ]
    for row in results["checked"]:
        guess, real = row["formula"], row["synthesis"]
        lines.append(
            f"| {row['family']} | {row['config']} | "
            + " | ".join(
                f"{guess[kind]:,} | {real[kind]:,} | {_error(guess[kind], real[kind])}"
                for kind in ("luts", "ffs")
            )
            + " | "
            + " | ".join(f"{guess[kind]:,} | {real[kind]:,}" for kind in ("dsps", "brams"))
            + " |"
        )
    for row in results["checked"]:
        if row["macs"] >= 256 and row["family"] != "xcup":
            lines += _components(row)
    lines += _placed(results["placed"]) if results["placed"] else []
    warnings = sorted({w for row in results["checked"] for w in row["warnings"]})
    lines += [
        "",
        "## Warnings",
        "",
        "No latch is inferred. Yosys gives these warnings and no others: of its own library, of",
        "its calls of ABC, and of ports of block RAMs that are wider than what they connect to.",
        "",
        *(f"- `{warning}`" for warning in warnings),
    ]
    return "\n".join(lines) + "\n"


def _components(row):
    used, macs = row["synthesis"], row["macs"]
    yield from (
        "",
        f"## {row['config']}, {row['family']}: what costs what",
        "",
        "| component | LUTs | FFs | DSPs | RAMs | LUTs a MAC | FFs a MAC |",
        "|---|---:|---:|---:|---:|---:|---:|",
    )
    for name, figures in [*row["components"].items(), ("sum", used)]:
        yield (
            f"| {name} | "
            + " | ".join(f"{figures[kind]:,}" for kind in model.KINDS)
            + (f" | {figures['luts'] / macs:.1f} | {figures['ffs'] / macs:.1f} |")
        )


def _placed(rows):
    yield from (
        "",
        "## Placed and routed",
        "",
        f"nextpnr for ECP5, speed grade 8, asked for {pnr.TARGET_MHZ} MHz, out of context. Where a",
        "device has too few multiplier blocks, the smallest multipliers are made of LUTs; where",
        "more than three fifths of its block RAMs would be used, RAMs of few words are.",
        "",
        "| device | configuration | LUTs | FFs | DSPs | RAMs | multipliers in LUTs "
        "| RAMs in LUTs up to | MHz |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    )
    for row in rows:
        part = devices.find(row["device"])
        yield (
            f"| {row['device']} | {row['config']} | "
            + " | ".join(
                f"{row['used'][kind]:,} ({100 * row['used'][kind] / getattr(part, kind):.0f} %)"
                for kind in model.KINDS
            )
            + (f" | {row['in_luts']['multipliers']} | {row['in_luts']['rams']} | {row['mhz']} |")
        )
    for row in rows:
        yield from (
            "",
            f"The slowest path of {row['config']} on {row['device']}:",
            "",
            *(f"- {step}" for step in row["path"]),
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("fit", "check", "place", "report"))
    parser.add_argument(
        "names", nargs="*", help="families (fit, check) or sizes (place); all if none"
    )
    parser.add_argument(
        "--largest", type=int, default=32, help="check: arrays of so many rows at most"
    )
    arguments = parser.parse_args()
    results = _read()
    if arguments.what == "place":
        place(results, arguments.names)
    for family in (
        (arguments.names or DEFAULT_FAMILIES) if arguments.what in ("fit", "check") else ()
    ):
        if arguments.what == "fit":
            known = json.loads(COEFFICIENTS.read_text()) if COEFFICIENTS.exists() else {}
            COEFFICIENTS.write_text(json.dumps(known | {family: fit(family)}, indent=1) + "\n")
        else:
            check(family, [config for config in KEPT if config.rows <= arguments.largest], results)
    _write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
