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
from hwcnn.estimate import devices, formulas
from hwcnn.estimate.blocks import BLOCKS, COMPONENTS
from hwcnn.estimate.rams import RamShape, rams
from hwcnn.estimate.resources import estimate_resources, largest
from hwcnn.estimate.usage import KINDS, InLuts, Resources
from hwcnn.rtl.top import Accelerator
from hwcnn.rtl.verilog import accelerator_verilog

CONFIG = AccelConfig(rows=8, cols=8)
FAMILIES = sorted(formulas.coefficients())


def test_every_block_has_a_formula():
    for family in FAMILIES:
        known = formulas.coefficients()[family]
        assert set(known) == {b.path for b in BLOCKS} | {formulas.SOFT}
        assert all(set(known[b.path]) == set(b.features) for b in BLOCKS), family


@pytest.mark.parametrize("family", FAMILIES)
def test_components(family):
    used = formulas.components(CONFIG, family)
    assert tuple(used) == COMPONENTS
    assert all(own.luts > 0 and own.ffs > 0 for own in used.values())
    assert used["array"].dsps + used["accumulators"].dsps == 64
    smaller = formulas.components(replace(CONFIG, act_kib=64), family)
    assert used["load"].brams >= smaller["load"].brams + 16


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_not_built_costs_nothing(family):
    without = formulas.components(replace(CONFIG, features=()), family)
    assert without["vector"] == Resources()
    assert without["array"] == formulas.components(CONFIG, family)["array"]


def test_rams_are_those_of_the_verilog():
    """The list is made without elaborating the PEs."""
    instances = re.findall(r"hwcnn_ram #\((.*?)\)\s+ram", accelerator_verilog(CONFIG), re.S)
    shapes = []
    for text in instances:
        width, depth, block = (
            int(re.search(rf"\.{name}\(32'd(\d+)\)", text)[1])
            for name in ("WIDTH", "DEPTH", "BLOCK")
        )
        shapes.append(RamShape(width, depth, bool(block)))
    assert len(shapes) > 30
    assert sorted(shape for _, shape in rams(Accelerator(CONFIG))) == sorted(shapes)


def test_multipliers_and_rams_go_to_luts_where_a_device_is_short_of_blocks():
    device = devices.find("lfe5u-45f")
    config = replace(CONFIG, act_kib=64, queue_words=32, dw_taps=0)
    wanted = formulas.total(formulas.components(config, "ecp5"))
    in_luts = formulas.short_of_blocks(config, device)
    assert in_luts.multipliers == wanted.dsps - 72
    assert in_luts.rams > 0
    used = formulas.total(formulas.components(config, "ecp5", in_luts))
    assert used.dsps == 72
    assert used.brams <= 108 < wanted.brams
    assert used.luts > wanted.luts + 50 * in_luts.multipliers


def test_a_large_device_needs_nothing_in_luts():
    assert formulas.short_of_blocks(CONFIG, devices.find("xc7k325t")) == InLuts()


@pytest.mark.parametrize("name", ["xc7z020", "lfe5u-85f"])
def test_the_largest_array_that_fits(name):
    """Formulas decide: it fits, and with twice the columns it does not."""
    device = devices.find(name)
    found = largest(AccelConfig(), device, lambda text: None)
    assert formulas.fits(found, device)
    assert not formulas.fits(replace(found, cols=2 * found.cols), device)


def test_no_array_fits_beside_such_a_buffer():
    config, device = AccelConfig(act_kib=4096), devices.find("lfe5u-25f")
    with pytest.raises(InputError, match="no array fits lfe5u-25f"):
        largest(config, device, lambda text: None)


def test_resources_by_component_and_percent():
    found = estimate_resources(pe="8x8", device="LFE5U-85F")
    assert (found.source, found.device, found.fmax_mhz) == ("model", "lfe5u-85f", None)
    values = found.to_dict()
    assert [row["name"] for row in values["components"]] == list(COMPONENTS)
    device = devices.find("lfe5u-85f")
    for kind in KINDS:
        assert values[kind] == sum(row[kind] for row in values["components"]), kind
        assert values["percent"][kind] == round(100 * values[kind] / getattr(device, kind), 1), kind
    assert values["fits"] == all(share <= 100 for share in values["percent"].values())


def test_resources_are_shown_as_a_table():
    console = Console(width=150, record=True, file=io.StringIO())
    console.print(*tables.resources(estimate_resources(pe="8x8", device="LFE5U-85F")))
    shown = console.export_text()
    for words in ("accumulators", "of lfe5u-85f", "lut per mac"):
        assert words in shown


def test_families_without_a_formula_need_synthesis():
    with pytest.raises(
        InputError, match="^synth: needed, since there is no formula for gowin devices$"
    ):
        estimate_resources(pe="8x8", device="gw2a-18")
