"""What `make demo` shows: handwritten digits through the RTL, bit by bit equal to the reference,
then the size of the accelerator.

Usage: python bench/demo.py [--pe 16x16] [--device xc7a200t]
"""

import argparse
import sys
from pathlib import Path

from hwcnn.models.digits import PICTURES
from rich.console import Console

import hwcnn.estimate.command as estimate
from hwcnn import generator
from hwcnn.cli import tables
from hwcnn.config import AccelConfig
from hwcnn.sim import command

OUT = Path("build/demo")


def rows(values, pictures):
    """A table row for each picture; its label is in its file's name."""
    for item, picture in zip(values["outputs"], pictures, strict=True):
        (output,) = item["outputs"].values()
        yield {
            "picture": picture.name,
            "label": picture.stem.split("_")[1],
            "RTL's answer": output["top"][0]["label"],
            "probability": output["top"][0]["value"],
            "mismatches": item["mismatches"],
            "cycles": item["cycles"],
            "MAC utilisation": f"{100 * values['mac_utilisation'] * values['cycles'] / item['cycles']:.1f} %",
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
    made = generator.generate(
        generator.Request("digits", AccelConfig.load(pe=arguments.pe), OUT, progress=progress)
    )
    show.print(
        f"digits on {made['pe']}: {made['macs']:,} MACs, {made['instructions']} instructions, in {OUT}"
    )
    pictures = sorted(PICTURES.glob("*.png"))
    values, lines = command.run(command.Request(OUT, inputs=tuple(pictures), progress=progress))
    table = list(rows(values, pictures))
    show.print(tables.table(table))
    right = sum(row["label"] == row["RTL's answer"] for row in table)
    show.print(
        f"{right} of {len(table)} right; {values['elements_compared']:,} values compared with the reference, "
        f"{values['mismatches']} differ; {values['cycles_per_second']:,} cycles a second"
    )
    show.print(*lines, sep="\n")
    show.print(*tables.resources(estimate.resources(OUT, device=arguments.device)))
    return 1 if values["mismatches"] else 0


if __name__ == "__main__":
    sys.exit(main())
