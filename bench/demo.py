"""What `make demo` shows: handwritten digits through the RTL, bit by bit equal to the reference,
then the size of the accelerator.

Usage: python bench/demo.py [--pe 16x16] [--device xc7a200t]
"""

import argparse
import sys
from pathlib import Path

from hwcnn.models.classification.digits import PICTURES
from rich.console import Console

import hwcnn
from hwcnn.cli import tables

OUT = Path("build/demo")


def rows(found, pictures):
    """A table row for each picture; its label is in its file's name."""
    for sample, picture in zip(found.outputs, pictures, strict=True):
        (output,) = sample.outputs.values()
        utilisation = found.mac_utilisation * found.cycles / sample.cycles
        yield {
            "picture": picture.name,
            "label": picture.stem.split("_")[1],
            "RTL's answer": output.top[0].label,
            "probability": output.top[0].value,
            "mismatches": sample.mismatches,
            "cycles": sample.cycles,
            "MAC utilisation": f"{100 * utilisation:.1f} %",
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--device", default="xc7a200t")
    arguments = parser.parse_args()
    show = Console(width=110)
    with Console(stderr=True).status("") as status:
        return run(arguments, show, status.update)


def run(arguments, show, progress):
    made = hwcnn.generate("digits", pe=arguments.pe, out=OUT, progress=progress)
    show.print(
        f"digits on {made.pe}: {made.macs:,} MACs, {made.instructions} instructions, in {OUT}"
    )
    pictures = sorted(PICTURES.glob("*.png"))
    found = hwcnn.simulate(OUT, inputs=pictures, progress=progress)
    table = list(rows(found, pictures))
    show.print(tables.table(table))
    right = sum(row["label"] == row["RTL's answer"] for row in table)
    show.print(
        f"{right} of {len(table)} right; {found.elements_compared:,} values compared with the "
        f"reference, {found.mismatches} differ; {found.cycles_per_second:,} cycles a second"
    )
    show.print(*found.mismatch_lines, sep="\n")
    show.print(*tables.resources(hwcnn.estimate_resources(OUT, device=arguments.device)))
    return 1 if found.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
