"""Networks from ONNX to compared RTL results, one row each, written to docs/performance.md.

Usage: python bench/networks.py [--pe 16x16] [--out docs/performance.md] NAME_OR_FILE ...
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from hwcnn import generate, simulation
from hwcnn.config import AccelConfig
from hwcnn.estimate import command

COLUMNS = {
    "network": "<", "GMAC": ".3f", "cycles": ",d", "MAC utilisation": ".1%", "conv utilisation": ".1%", "read MB": ".2f",
    "written MB": ".2f", "estimated cycles": ",d", "error": "+.2%", "values compared": ",d", "mismatches": ",d",
    "simulated cycles/s": ",d", "generate s": ".1f", "simulate s": ".1f",
}


def measure(model, config, log):
    """One row: generate, simulate, compare, estimate."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "generated"
        made = generate.generate(generate.Request(model, config, out, progress=log))
        began = time.monotonic()
        values, lines = simulation.run(simulation.Request(out, progress=log))
        seconds = time.monotonic() - began
        estimated = command.performance(out)["cycles"]
    for line in lines:
        log(line)
    return {
        "network": made["model"], "GMAC": values["macs"] / 1e9, "cycles": values["cycles"],
        "MAC utilisation": values["mac_utilisation"], "conv utilisation": values["conv_mac_utilisation"],
        "read MB": values["dram_read_bytes"] / 1e6, "written MB": values["dram_write_bytes"] / 1e6,
        "estimated cycles": estimated, "error": estimated / values["cycles"] - 1, "values compared": values["elements_compared"],
        "mismatches": values["mismatches"], "simulated cycles/s": values["cycles_per_second"], "generate s": made["seconds"],
        "simulate s": seconds,
    }


def markdown(rows):
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "|".join("---" if f == "<" else "---:" for f in COLUMNS.values()) + "|"]
    lines += ["| " + " | ".join(format(row[name], f) for name, f in COLUMNS.items()) + " |" for row in rows]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--out", type=Path, default=Path("docs/performance.md"))
    arguments = parser.parse_args()
    config = AccelConfig.load(pe=arguments.pe)
    log = Console(stderr=True).print
    rows = []
    for network in arguments.networks:
        rows.append(measure(network, config, log))
        log(rows[-1])
        arguments.out.write_text(f"""# Performance

Every row is one run of the whole network at register-transfer level (Verilator), batch 1, on a {config.pe} array with the default
configuration, {config.axi_bytes} bytes a cycle of DRAM bandwidth and 32 cycles of latency; all tensors are compared with the reference. Made by
`python bench/networks.py --pe {config.pe} {' '.join(Path(n).name for n in arguments.networks)}`.
Utilisation is true MACs over what {config.rows} x {config.cols} PEs could do in the cycles; "conv" leaves out the fully connected layers at the end.

{markdown(rows)}
""")
    return 1 if any(row["mismatches"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
