"""Runs a Yosys script with the Yosys inside pyosys: ``python -m hwcnn.estimate.yosys_main SCRIPT``.

A process of its own, since Yosys writes its log on stdout and holds on to its memory. The name of each command goes to stderr.
"""

import sys
from pathlib import Path

from pyosys import libyosys


def main(script):
    design = libyosys.Design()
    for line in Path(script).read_text().splitlines():
        print(line, file=sys.stderr, flush=True)
        libyosys.run_pass(line, design)


if __name__ == "__main__":
    main(sys.argv[1])
