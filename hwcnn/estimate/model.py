"""Resources by formula: RAMs from their shapes, all else linear in a few features of the
configuration, block by block.

``coefficients.json`` holds, for each family and block, the LUTs, flip-flops, multipliers and block
RAMs for each of the block's features, beside what its RAMs take by their shapes (so the last is
less than nothing where a RAM has bits that nobody reads), and what a multiplier of the array adds
that is made of LUTs. ``bench/resources.py`` makes it from synthesis.
"""

import functools
import json
from importlib import resources as files
from math import ceil

from hwcnn.errors import InputError
from hwcnn.rtl.top import Accelerator

from .components import BLOCKS, COMPONENTS, FEATURES, READ_BY, block_of, rams
from .families import FAMILIES
from .synth import InLuts

#: Words of RAMs that may be made of LUTs.
SHALLOW = (0, 16, 32, 64, 128)
KINDS = ("luts", "ffs", "dsps", "brams")
#: Beside the blocks in coefficients.json: a multiplier of the array in LUTs.
SOFT = "multiplier in LUTs"


@functools.cache
def coefficients():
    """``{family: {block: {feature: [LUTs, flip-flops, multipliers, block RAMs]}}}``."""
    return json.loads(files.files(__package__).joinpath("coefficients.json").read_text())


def logic(config, family, known=None):
    """``{block: {luts, ffs, dsps, brams}}`` beside its RAMs. known : as `coefficients` gives it for
    the family.
    """
    known = known or coefficients().get(family)
    if known is None:
        raise InputError(f"needed, since there is no formula for {family} devices", "synth")
    parts = {}
    for block in BLOCKS:
        sums = [0.0] * len(KINDS)
        for feature, per in known[block.path].items() if block.built(config) else ():
            sums = [s + FEATURES[feature](config) * p for s, p in zip(sums, per, strict=True)]
        parts[block.path] = dict(zip(KINDS, sums, strict=True))
    return parts


def ram_resources(config, family, in_luts=InLuts()):
    """``{block: {luts, ffs, dsps, brams}}`` of the RAMs."""
    parts = {}
    for path, (width, depth, block) in _rams(config):
        used, home = (
            FAMILIES[family].ram(width, depth, block and depth > in_luts.rams),
            block_of(path).path,
        )
        if used["brams"] and home in READ_BY:
            add(parts.setdefault(READ_BY[home], {}), {"luts": used.pop("luts")})
        add(parts.setdefault(home, {}), used)
    return parts


@functools.cache
def _rams(config):
    return tuple(rams(Accelerator(config)))


def components(config, family, in_luts=InLuts(), known=None, memory=True):
    """``{component: {luts, ffs, dsps, brams}}`` of the accelerator. memory : with the RAMs."""
    parts = {name: dict.fromkeys(KINDS, 0) for name in COMPONENTS}
    memories = ram_resources(config, family, in_luts) if memory else {}
    for path, used in logic(config, family, known).items():
        add(used, memories.get(path, {}))
        add(parts[block_of(path).component], used | {"brams": max(0, used["brams"])})
    for kind, per in zip(KINDS, (known or coefficients()[family])[SOFT]["1"], strict=True):
        parts["array"][kind] += in_luts.multipliers * per
    return {
        name: {kind: round(2 * n) / 2 if kind == "brams" else round(n) for kind, n in used.items()}
        for name, used in parts.items()
    }


def scarce(config, part, memory=True):
    """`InLuts` for a device: as many multipliers as it lacks, and RAMs, the shallowest first, while
    its block RAMs are crowded.
    """
    enough = FAMILIES[part.family].crowded * part.brams
    for words in SHALLOW if memory else SHALLOW[:1]:
        used = total(components(config, part.family, InLuts(rams=words), memory=memory))
        if used["brams"] <= enough:
            break
    return InLuts(max(0, used["dsps"] - part.dsps), words)


def total(parts):
    """``{luts, ffs, dsps, brams}`` of components; halves of block RAMs are counted as halves, and
    rounded up in the sum.
    """
    return {kind: ceil(sum(part[kind] for part in parts.values())) for kind in KINDS}


def add(tally, used):
    for kind, n in used.items():
        tally[kind] = tally.get(kind, 0) + n
