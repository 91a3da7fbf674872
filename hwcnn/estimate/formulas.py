"""Resources by formula: RAMs from their shapes, all else linear in a few features of the
configuration, block by block.

``coefficients.json`` holds, for each family and block, the resources for each of the block's
features, beside what its RAMs take by their shapes (so block RAMs are less than nothing where a RAM
has bits that nobody reads), and what a multiplier of the array adds that is made of LUTs.
``bench/resources.py`` makes it from synthesis.
"""

import functools
import json
from collections.abc import Mapping
from importlib import resources as package_files
from math import ceil

from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.rtl.top import Accelerator

from .blocks import BLOCKS, COMPONENTS, READ_BY, block_of
from .devices import Device
from .families import FAMILIES
from .features import FEATURES
from .rams import RamShape, rams
from .usage import KINDS, NOTHING_IN_LUTS, InLuts, Resources

#: Words of RAMs that may be made of LUTs.
SHALLOW = (0, 16, 32, 64, 128)
#: Beside the blocks in coefficients.json: a multiplier of the array in LUTs.
SOFT = "multiplier in LUTs"

#: {block: {feature: one number for each of KINDS}}.
Coefficients = Mapping[str, Mapping[str, list[float]]]


@functools.cache
def coefficients() -> dict[str, Coefficients]:
    """By family."""
    file = package_files.files("hwcnn.estimate").joinpath("coefficients.json")
    return json.loads(file.read_text())


def logic_resources(
    config: AccelConfig, family: str, known: Coefficients | None = None
) -> dict[str, Resources]:
    """Of each block, beside its RAMs.

    known : other coefficients for the family. Raises InputError for a family without any.
    """
    known = known or coefficients().get(family)
    if known is None:
        raise InputError(f"needed, since there is no formula for {family} devices", "synth")
    used = {}
    for block in BLOCKS:
        used[block.path] = Resources()
        for feature, each in known[block.path].items() if block.built(config) else ():
            used[block.path] += Resources(*each) * FEATURES[feature](config)
    return used


def ram_resources(
    config: AccelConfig, family: str, in_luts: InLuts = NOTHING_IN_LUTS
) -> dict[str, Resources]:
    """Of the RAMs of each block that has any."""
    used: dict[str, Resources] = {}
    for path, ram in _rams(config):
        own = FAMILIES[family].ram(ram.width, ram.depth, ram.block and ram.depth > in_luts.rams)
        home = block_of(path).path
        if own.brams and home in READ_BY:
            reader, luts = READ_BY[home], Resources(luts=own.luts)
            used[reader] = used.get(reader, Resources()) + luts
            own += luts * -1
        used[home] = used.get(home, Resources()) + own
    return used


@functools.cache
def _rams(config: AccelConfig) -> tuple[tuple[str, RamShape], ...]:
    return tuple(rams(Accelerator(config)))


def components(
    config: AccelConfig,
    family: str,
    in_luts: InLuts = NOTHING_IN_LUTS,
    known: Coefficients | None = None,
    memory: bool = True,
) -> dict[str, Resources]:
    """Of each of `COMPONENTS`, in whole numbers (block RAMs: in halves).

    in_luts : what is made of LUTs in place of blocks. known : other coefficients. memory : with the
    RAMs.
    """
    used = {name: Resources() for name in COMPONENTS}
    memories = ram_resources(config, family, in_luts) if memory else {}
    for path, logic in logic_resources(config, family, known).items():
        block = logic + memories.get(path, Resources())
        block += Resources(brams=max(0, -block.brams))
        used[block_of(path).component] += block
    soft = Resources(*(known or coefficients()[family])[SOFT]["1"])
    used["array"] += soft * in_luts.multipliers
    return {
        name: Resources(round(n.luts), round(n.ffs), round(n.dsps), round(2 * n.brams) / 2)
        for name, n in used.items()
    }


def short_of_blocks(config: AccelConfig, device: Device, memory: bool = True) -> InLuts:
    """What has to be made of LUTs on a device: as many multipliers as it lacks, and RAMs, the
    shallowest first, while its block RAMs are crowded.
    """
    enough = FAMILIES[device.family].crowded * device.brams
    used, words = Resources(), 0
    for words in SHALLOW if memory else SHALLOW[:1]:
        used = total(components(config, device.family, InLuts(rams=words), memory=memory))
        if used.brams <= enough:
            break
    return InLuts(max(0, round(used.dsps) - device.dsps), words)


def total(by_name: Mapping[str, Resources]) -> Resources:
    """The sum of components or blocks, in whole numbers: rounded up."""
    return Resources(*(ceil(sum(used.of(kind) for used in by_name.values())) for kind in KINDS))


def fits(config: AccelConfig, device: Device, memory: bool = True) -> bool:
    """Whether a configuration fits a device by formula. memory : its RAMs too."""
    in_luts = short_of_blocks(config, device, memory)
    return device.holds(total(components(config, device.family, in_luts, memory=memory)))
