"""The formulas: what `estimate resources` says without synthesis. How near they are to synthesis is
in docs/resources.md.
"""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from hwcnn.cli import tables
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.estimate import devices, model, resources
from hwcnn.estimate.components import BLOCKS, COMPONENTS, rams
from hwcnn.estimate.resources import estimate_resources
from hwcnn.estimate.synth import InLuts
from hwcnn.rtl.top import Accelerator
from hwcnn.rtl.verilog import accelerator_verilog

CONFIG = AccelConfig(rows=8, cols=8)
FAMILIES = sorted(model.coefficients())


def test_every_block_has_a_formula():
    for family in FAMILIES:
        known = model.coefficients()[family]
        assert set(known) == {b.path for b in BLOCKS} | {model.SOFT}
        assert all(set(known[b.path]) == set(b.features) for b in BLOCKS)


@pytest.mark.parametrize("family", FAMILIES)
def test_components(family):
    parts = model.components(CONFIG, family)
    assert tuple(parts) == COMPONENTS
    assert all(used["luts"] > 0 and used["ffs"] > 0 for used in parts.values())
    assert parts["array"]["dsps"] + parts["accumulators"]["dsps"] == 64
    assert (
        parts["load"]["brams"]
        >= model.components(replace(CONFIG, act_kib=64), family)["load"]["brams"] + 16
    )
    without = model.components(replace(CONFIG, features=()), family)
    assert without["vector"] == dict.fromkeys(model.KINDS, 0) and without["array"] == parts["array"]


def test_rams_are_those_of_the_verilog():
    """The list is made without elaborating the PEs."""
    ports = re.findall(r"hwcnn_ram #\((.*?)\)\s+ram", accelerator_verilog(CONFIG), re.S)
    shapes = [
        tuple(
            int(re.search(rf"\.{name}\(32'd(\d+)\)", port)[1])
            for name in ("WIDTH", "DEPTH", "BLOCK")
        )
        for port in ports
    ]
    assert len(shapes) > 30 and sorted(shape for _, shape in rams(Accelerator(CONFIG))) == sorted(
        shapes
    )


def test_multipliers_and_rams_go_to_luts_where_a_device_is_short_of_blocks():
    part = devices.find("lfe5u-45f")
    config = replace(CONFIG, act_kib=64, queue_words=32)
    wanted, in_luts = model.total(model.components(config, "ecp5")), model.scarce(config, part)
    assert in_luts.multipliers == wanted["dsps"] - 72 and in_luts.rams > 0
    used = model.total(model.components(config, "ecp5", in_luts))
    assert (
        used["dsps"] == 72
        and used["brams"] <= 108 < wanted["brams"]
        and used["luts"] > wanted["luts"] + 50 * in_luts.multipliers
    )
    assert model.scarce(CONFIG, devices.find("xc7k325t")) == InLuts()


def test_the_largest_array_that_fits():
    def largest(device):
        return resources.largest(AccelConfig(), devices.find(device), lambda text: None)

    for device in ("xc7z020", "lfe5u-85f"):
        found, part = largest(device), devices.find(device)
        assert resources.fits(
            model.total(model.components(found, part.family, model.scarce(found, part))), part
        )
        double = replace(found, cols=2 * found.cols)
        assert not resources.fits(
            model.total(model.components(double, part.family, model.scarce(double, part))), part
        )
    assert (
        largest("xc7k325t").rows * largest("xc7k325t").cols
        > largest("xc7z020").rows * largest("xc7z020").cols
    )
    with pytest.raises(InputError, match="no array fits lfe5u-25f"):
        resources.largest(AccelConfig(act_kib=4096), devices.find("lfe5u-25f"), lambda text: None)


def test_resources_by_component_and_percent():
    found = estimate_resources(pe="8x8", device="LFE5U-85F")
    assert (found.source, found.device, found.fmax_mhz) == ("model", "lfe5u-85f", None)
    values = found.to_dict()
    assert [row["name"] for row in values["components"]] == list(COMPONENTS)
    for kind in model.KINDS:
        assert values[kind] == sum(row[kind] for row in values["components"])
        assert values["percent"][kind] == round(
            100 * values[kind] / getattr(devices.find("lfe5u-85f"), kind), 1
        )
    assert values["fits"] == all(share <= 100 for share in values["percent"].values())
    console = Console(width=150, record=True, file=io.StringIO())
    console.print(*tables.resources(found))
    shown = console.export_text()
    assert all(name in shown for name in ("accumulators", "of lfe5u-85f", "lut per mac"))


def test_families_without_a_formula_need_synthesis():
    with pytest.raises(
        InputError, match="^synth: needed, since there is no formula for gowin devices$"
    ):
        estimate_resources(pe="8x8", device="gw2a-18")
