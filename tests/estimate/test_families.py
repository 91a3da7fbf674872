"""Cells and RAMs to device resources; the numbers are from the vendors' user guides."""

import pytest

from hwcnn.estimate.devices import DEVICES, find
from hwcnn.estimate.families import FAMILIES
from hwcnn.errors import InputError


def test_every_device_has_a_family_and_plausible_counts():
    for device in DEVICES.values():
        assert device.family in FAMILIES
        assert 10_000 < device.luts < 1_000_000 and device.ffs >= device.luts * 0.7 and device.dsps > 20 and device.brams > 30
    assert len(DEVICES) >= 12


def test_find_ignores_case_and_suggests():
    assert find("XC7Z020").dsps == 220
    with pytest.raises(InputError, match="lfe5u-85f"):
        find("lfe5u85f")


@pytest.mark.parametrize("family,cells,expected", [
    ("xc7", {"LUT6": 10, "LUT2": 5, "SRL16E": 3, "RAM64M": 2, "CARRY4": 9, "MUXF7": 4, "FDRE": 7, "FDSE": 1, "DSP48E1": 2, "BUFG": 1,
             "RAMB18E1": 3, "RAMB36E1": 1}, dict(luts=26, ffs=8, dsps=2, brams=3)),
    ("ecp5", {"LUT4": 10, "CCU2C": 5, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 9, "MULT18X18D": 3, "DP16KD": 2, "PFUMX": 8},
     dict(luts=32, ffs=9, dsps=3, brams=2)),
])
def test_count(family, cells, expected):
    assert FAMILIES[family].count(cells) == expected


@pytest.mark.parametrize("family,width,depth,expected", [
    ("xc7", 72, 512, dict(luts=0, brams=1)),       # a RAMB36 is 512 x 72
    ("xc7", 36, 512, dict(luts=0, brams=0.5)),     # half of it
    ("xc7", 9, 4096, dict(luts=0, brams=1)),       # 4096 x 9
    ("xc7", 6, 32, dict(luts=4, brams=0)),         # RAM32M: 32 x 6 in four LUTs
    ("xc7", 3, 64, dict(luts=4, brams=0)),         # RAM64M: 64 x 3
    ("ecp5", 36, 512, dict(luts=0, brams=1)),
    ("ecp5", 9, 2048, dict(luts=0, brams=1)),
    ("ecp5", 4, 16, dict(luts=6, brams=0)),
])
def test_ram(family, width, depth, expected):
    assert FAMILIES[family].ram(width, depth) == expected
