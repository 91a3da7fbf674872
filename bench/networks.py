"""Networks from ONNX to compared RTL results, one row each, written to docs/performance.md.

Usage: python bench/networks.py [--pe 16x16] [--axi-bytes 16] [--batch 1] [--jobs 1] (--all |
NAME_OR_FILE ...)

Rows are kept in docs/performance.json, one for each network and configuration: a run replaces its
own rows and leaves the others. The table is written after every row. ``--jobs 2`` runs two networks
at a time, each then slower.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console

import hwcnn
from hwcnn import models

COLUMNS = {
    "network": "<",
    "PE": "<",
    "bus": "d",
    "batch": "d",
    "GMAC": ".3f",
    "cycles": ",d",
    "MAC utilisation": ".1%",
    "conv utilisation": ".1%",
    "read MB": ".2f",
    "written MB": ".2f",
    "estimated cycles": ",d",
    "error": "+.2%",
    "worst layer": "<",
    "values compared": ",d",
    "mismatches": ",d",
    "simulated cycles/s": ",d",
    "generate s": ".1f",
    "generate GB": ".1f",
    "simulate s": ".1f",
}
#: Cycles from which on the estimate of a single layer is judged.
LARGE = 10_000
KEY = ("PE", "bus", "batch", "network")
LOG = Console(stderr=True).print


def measure(model, config, batch):
    """One row: generate, simulate, compare, estimate."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "generated"
        made = hwcnn.generate(model, config=config, out=out, batch=batch)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()
        found = hwcnn.simulate(out)
        seconds = time.monotonic() - began
        predicted = hwcnn.estimate_performance(out)
    for line in found.mismatch_lines:
        LOG(line)
    return {
        "network": made.model,
        "PE": config.pe,
        "bus": config.axi_bytes,
        "batch": batch,
        "GMAC": found.macs / 1e9,
        "cycles": found.cycles,
        "MAC utilisation": found.mac_utilisation,
        "conv utilisation": found.conv_mac_utilisation,
        "read MB": found.dram_read_bytes / 1e6,
        "written MB": found.dram_write_bytes / 1e6,
        "estimated cycles": predicted.cycles,
        "error": predicted.cycles / found.cycles - 1,
        "worst layer": worst_layer(found.layers, predicted.layers),
        "values compared": found.elements_compared,
        "mismatches": found.mismatches,
        "simulated cycles/s": found.cycles_per_second,
        "generate s": made.seconds,
        "generate GB": memory / 2**20,
        "simulate s": seconds,
        "stalls": found.stall_cycles,
    }


def worst_layer(measured, estimated):
    """Of the layers that take over `LARGE` cycles: the estimate's largest error, the layer's name,
    and how many are beyond 3 %.
    """
    errors = [
        (e.cycles / m.cycles - 1, m.name)
        for m, e in zip(measured, estimated, strict=True)
        if m.cycles > LARGE
    ]
    if not errors:
        return "-"
    error, name = max(errors, key=lambda item: abs(item[0]))
    return (
        f"{error:+.1%} {name}; {sum(abs(e) > 0.03 for e, _ in errors)} of {len(errors)} beyond 3 %"
    )


def markdown(rows):
    lines = [
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "|".join("---" if f == "<" else "---:" for f in COLUMNS.values()) + "|",
    ]
    lines += [
        "| "
        + " | ".join(format(row[name], f) if name in row else "" for name, f in COLUMNS.items())
        + " |"
        for row in rows
    ]
    return "\n".join(lines)


def record(row, out):
    """Put a row in the place of its predecessor, in OUT.json and in OUT."""
    store = out.with_suffix(".json")
    rows = {
        tuple(r[k] for k in KEY): r
        for r in (json.loads(store.read_text()) if store.exists() else [])
    }
    rows[tuple(row[k] for k in KEY)] = row
    rows = [rows[key] for key in sorted(rows)]
    store.write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
    out.write_text(f"""\
# Performance

Every row is one run of the whole network at register-transfer level (Verilator): default
configuration but for the array (PE) and the data bus (bytes a cycle), 32 cycles of read latency, no
random stalls; every tensor is compared with the reference. Made by
`python bench/networks.py NETWORK ...`; `make bench` repeats the best known ones at 16x16. The cycle
model's error is that of the whole run; "worst layer" is its largest among the layers that take over
{LARGE:,} cycles (a layer's cycles are those from the end of all before it to its own end).
"generate GB" is the peak memory of `generate`. Utilisation is true MACs over what the PEs could do
in the cycles; "conv" leaves out the fully connected layers at the end. The seconds are those of a
machine with 2 cores on which other work may have run at the same time.

{markdown(rows)}
""")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--all", action="store_true", help="every built-in network")
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--axi-bytes", type=int, default=None)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("docs/performance.md"))
    arguments = parser.parse_args()
    networks = models.names() if arguments.all else arguments.networks
    if not networks:
        parser.error("name a network, or --all")
    config = hwcnn.AccelConfig.load(pe=arguments.pe)
    if arguments.axi_bytes:
        config = hwcnn.AccelConfig.from_dict(config.to_dict() | {"axi_bytes": arguments.axi_bytes})
    bad = 0
    with ProcessPoolExecutor(arguments.jobs, max_tasks_per_child=1) as pool:
        runs = {
            pool.submit(measure, network, config, arguments.batch): network for network in networks
        }
        for run in as_completed(runs):
            try:
                row = run.result()
            except Exception as e:  # one network's failure does not lose the rows of the others
                LOG(f"{runs[run]}: {type(e).__name__}: {e}")
                bad += 1
                continue
            record(row, arguments.out)
            LOG(row)
            bad += row["mismatches"] > 0
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
