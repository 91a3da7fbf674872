"""Fits the resource formula to synthesis: writes hwcnn/estimate/coefficients.json for the families named.

Usage: python bench/fit_resources.py [--check] xc7 ecp5 ...

With --check whole accelerators are synthesised instead, and compared with the formula. Synthesis is cached.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

import hwcnn.estimate
from hwcnn.config import AccelConfig
from hwcnn.estimate import model, synth
from hwcnn.estimate.components import COMPONENTS, FEATURES, rams
from hwcnn.rtl.top import Accelerator
from hwcnn.rtl.verilog import to_verilog

FILE = Path(hwcnn.estimate.__file__).with_name("coefficients.json")
#: Small arrays tell the slopes; what does not depend on the size is synthesised once.
POINTS = [AccelConfig(rows=r, cols=c, axi_bytes=a) for r, c, a in ((8, 8, 16), (4, 4, 8), (16, 8, 16), (8, 16, 16), (16, 16, 32))]
CHECKED = [AccelConfig(rows=r, cols=c, axi_bytes=a) for r, c, a in ((8, 8, 8), (8, 16, 16), (16, 16, 16))]


def measure(component, config, family):
    """[LUTs, flip-flops, multipliers] of a component, without RAMs."""
    used = synth.resources(to_verilog(component.build(config), "hwcnn"), family, lambda text: None)
    memory = model.ram_resources(rams(component.build(config)), family)
    row = [used["luts"] - memory["luts"], used["ffs"], used["dsps"]]
    print(f"{family} {component.name} {config.pe}/{config.axi_bytes}: {used}, RAMs by formula {memory}", flush=True)
    return row


def fit(component, family):
    """``{feature: [LUTs, flip-flops, multipliers]}``, least squares over as many points as there are features, or two more."""
    points = POINTS[:1] if component.features == ("1",) else POINTS[:4] if "pes" in component.features else POINTS
    measured = np.array([measure(component, config, family) for config in points], float)
    features = np.array([[FEATURES[f](config) for f in component.features] for config in points], float)
    solution, *_ = np.linalg.lstsq(features, measured, rcond=None)
    return {f: [round(float(v), 4) for v in row] for f, row in zip(component.features, solution, strict=True)}


def check(family):
    for config in CHECKED:
        real = synth.resources(to_verilog(Accelerator(config), "hwcnn"), family, lambda text: None)
        guess = model.resources(config, family)
        errors = {kind: f"{guess[kind] / real[kind] - 1:+.1%}" if real[kind] else guess[kind] for kind in real}
        print(f"{family} {config.pe}/{config.axi_bytes}: synthesis {real}, formula {guess}, error {errors}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="+")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    for family in arguments.families:
        if arguments.check:
            check(family)
            continue
        known = json.loads(FILE.read_text()) if FILE.exists() else {}
        known[family] = {component.name: fit(component, family) for component in COMPONENTS}
        FILE.write_text(json.dumps(known, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
