"""Resources by formula: RAMs from their shapes, all else linear in the array's size.

``coefficients.json`` holds, for each family and component, the LUTs, flip-flops and multipliers (without those of RAMs) for each
of the component's features. ``bench/fit_resources.py`` makes it from synthesis.
"""

import json
from importlib import resources as files
from math import ceil

from ..errors import InputError
from ..rtl.top import Accelerator
from .components import FEATURES, present, rams
from .families import FAMILIES

KINDS = ("luts", "ffs", "dsps")


def coefficients():
    """``{family: {component: {feature: [LUTs, flip-flops, multipliers]}}}``."""
    return json.loads(files.files(__package__).joinpath("coefficients.json").read_text())


def logic(config, family, known=None):
    """``{component: {luts, ffs, dsps}}`` without RAMs. known : as `coefficients` gives it for the family."""
    known = known or coefficients().get(family)
    if known is None:
        raise InputError(f"no formula for {family} devices: use --synth")
    parts = {}
    for component in present(config):
        sums = [0.0] * len(KINDS)
        for feature, per in known[component.name].items():
            sums = [s + FEATURES[feature](config) * p for s, p in zip(sums, per, strict=True)]
        parts[component.name] = dict(zip(KINDS, (round(s) for s in sums), strict=True))
    return parts


def ram_resources(shapes, family):
    """``{luts, brams}`` of RAMs (width, depth, block) on a family; halves of a block RAM are counted as halves."""
    each = [FAMILIES[family].ram(*shape) for shape in shapes]
    return {kind: sum(r[kind] for r in each) for kind in ("luts", "brams")}


def resources(config, family):
    """``{luts, ffs, dsps, brams}`` of the whole accelerator."""
    parts = logic(config, family).values()
    memory = ram_resources(rams(Accelerator(config)), family)
    total = {kind: sum(part[kind] for part in parts) for kind in KINDS}
    return total | {"luts": total["luts"] + memory["luts"], "brams": ceil(memory["brams"])}
