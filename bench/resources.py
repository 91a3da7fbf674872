"""Calibrates the resource formulas by synthesis, and checks them on configurations that were kept
out: docs/resources.md.

Usage: python bench/resources.py fit|check|report [FAMILY ...], or place [PE ...], such as 8x16

`fit` writes hwcnn/estimate/coefficients.json, `check` and `place` docs/resources.json, and each of
them docs/resources.md. Synthesis is cached (hwcnn.cache), so that a run which was interrupted goes
on where it ended.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from resources_page import error, page

import hwcnn.estimate
from hwcnn.config import VECTOR_FEATURES, AccelConfig
from hwcnn.estimate import devices, formulas, pnr, synth
from hwcnn.estimate.usage import KINDS
from hwcnn.rtl.verilog import accelerator_verilog

COEFFICIENTS = Path(hwcnn.estimate.__file__).with_name("coefficients.json")
DOCS = Path(__file__).parents[1] / "docs"
DEFAULT_FAMILIES = ("xc7", "xcup", "ecp5")


def _config(rows, cols, axi, features=VECTOR_FEATURES, **more):
    return AccelConfig(rows, cols, axi_bytes=axi, features=features, **more)


#: What the formulas are checked on.
KEPT = (
    _config(4, 4, 16, ("eltwise", "lut"), act_kib=16, acc_depth=128, param_slots=16),
    _config(8, 8, 16, act_kib=64, acc_depth=256),
    _config(8, 16, 32, ("pool", "eltwise", "affine"), pool_depth=256, dw_taps=0),
    _config(16, 16, 16),
    _config(16, 16, 16, dw_taps=0),
    _config(32, 32, 32, ("pool", "eltwise", "lut"), act_kib=256, weight_fifo=1024),
)
#: What is placed and routed: device and configuration.
PLACED = (
    ("lfe5u-45f", _config(4, 4, 8, queue_words=32, act_kib=16, dw_taps=0)),
    ("lfe5u-45f", _config(8, 8, 8, queue_words=32, act_kib=16, dw_taps=0)),
    ("lfe5u-85f", _config(8, 16, 8, queue_words=32, act_kib=64, dw_taps=0)),
)


def show(text):
    print(text, flush=True)


def label(config):
    """A configuration in words: what differs from the default."""
    functions = "all" if config.features == VECTOR_FEATURES else "+".join(config.features) or "none"
    plain = AccelConfig(config.rows, config.cols)
    sizes = " ".join(
        f"{name}={value}"
        for name, value in config.to_dict().items()
        if name not in ("rows", "cols", "axi_bytes", "features") and value != getattr(plain, name)
    )
    words = f"{config.pe}, {8 * config.axi_bytes}-bit AXI, {functions}"
    return f"{words}, {sizes}" if sizes else words


def fit(families):
    """Write the coefficients of some families."""
    import resources_fit  # needs scipy, which nothing else here does

    for family in families:
        known = json.loads(COEFFICIENTS.read_text()) if COEFFICIENTS.exists() else {}
        found = {family: resources_fit.fit(family, show)}
        COEFFICIENTS.write_text(json.dumps(known | found, indent=1) + "\n")


def check(family, configs, results):
    """Rows of formula and synthesis into results."""
    for config in configs:
        folder = synth.synthesise(accelerator_verilog(config), family)
        real, guess = (
            synth.synthesised_components(folder, family),
            formulas.components(config, family),
        )
        row = {
            "family": family,
            "config": label(config),
            "pe": config.pe,
            "macs": config.rows * config.cols,
            "synthesis": formulas.total(real).to_dict(),
            "formula": formulas.total(guess).to_dict(),
            "components": {name: used.to_dict() for name, used in real.items()},
            "formula_components": {name: used.to_dict() for name, used in guess.items()},
            "warnings": synth.warnings(folder),
        }
        _put(results["checked"], row, ("family", "config"))
        words = []
        for kind in KINDS:
            formula, synthesis = row["formula"][kind], row["synthesis"][kind]
            words.append(f"{kind} {formula} / {synthesis} {error(formula, synthesis)}")
        show(f"{family} {row['config']}: {', '.join(words)}")
        _write(results)


def place(results, sizes):
    """What place and route says of `PLACED`, or of those of some sizes."""
    for name, config in (item for item in PLACED if not sizes or item[1].pe in sizes):
        device = devices.find(name)
        in_luts = formulas.short_of_blocks(config, device)
        folder = synth.synthesise(accelerator_verilog(config), device.family, in_luts)
        used = formulas.total(synth.synthesised_components(folder, device.family))
        timing = pnr.place(folder, device, show)
        row = {
            "device": name,
            "config": label(config),
            "used": used.to_dict(),
            "in_luts": asdict(in_luts),
            "mhz": timing.mhz,
            "path": list(timing.path),
        }
        _put(results["placed"], row, ("device", "config"))
        show(f"{name} {row['config']}: {used}, {timing.mhz} MHz\n  " + "\n  ".join(timing.path))
        _write(results)


def _put(rows, row, keys):
    """The row in place of that with the same keys."""
    same = [n for n, old in enumerate(rows) if all(old[k] == row[k] for k in keys)]
    if same:
        rows[same[0]] = row
    else:
        rows.append(row)


def _read():
    path = DOCS / "resources.json"
    return json.loads(path.read_text()) if path.exists() else {"checked": [], "placed": []}


def _write(results):
    """Of rows of earlier choices of configurations nothing is kept."""
    kept = {
        "checked": {label(config) for config in KEPT},
        "placed": {label(config) for _, config in PLACED},
    }
    for kind, labels in kept.items():
        results[kind] = [row for row in results[kind] if row["config"] in labels]
    (DOCS / "resources.json").write_text(json.dumps(results, indent=1) + "\n")
    (DOCS / "resources.md").write_text(page(results))


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
    elif arguments.what == "fit":
        fit(arguments.names or DEFAULT_FAMILIES)
    elif arguments.what == "check":
        configs = [config for config in KEPT if config.rows <= arguments.largest]
        for family in arguments.names or DEFAULT_FAMILIES:
            check(family, configs, results)
    _write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
