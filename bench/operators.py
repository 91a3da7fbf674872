"""Writes the operators that `hwcnn ops` lists to docs/operators.md.

Usage: python bench/operators.py [--out docs/operators.md]
"""

import argparse
from pathlib import Path

from hwcnn.cli import lists

_HEAD = """\
# ONNX operators

Written by `make docs` from the registry that `hwcnn ops` prints. "Runs on" is the engine: the PE
array, the vector engine, the host after the accelerator; what runs "with its producer" costs
nothing, "nothing" moves no data. An operator that is not here, or an attribute's value beyond these
limits, runs on the host, in onnxruntime, and `generate` says why; with `--no-host` it is refused by
name, with the reason, before any work starts.

| operator | runs on | attributes | limits |
|---|---|---|---|
"""


def text() -> str:
    """The page."""
    rows = []
    for op in lists.operators()["ops"]:
        cells = op["name"], op["runs_on"], ", ".join(op["attributes"]), op["limits"]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return _HEAD + "".join(rows)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "docs" / "operators.md"
    )
    parser.parse_args(argv).out.write_text(text())


if __name__ == "__main__":
    main()
