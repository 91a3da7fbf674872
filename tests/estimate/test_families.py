"""Cells and RAMs to device resources; the numbers are from the vendors' user guides."""

import pytest

from hwcnn.errors import InputError
from hwcnn.estimate.devices import DEVICES, find
from hwcnn.estimate.families import FAMILIES
from hwcnn.estimate.usage import KINDS, Resources


def test_every_device_has_a_family_and_plausible_counts():
    for device in DEVICES.values():
        assert device.family in FAMILIES
        assert 10_000 < device.luts < 1_000_000, device
        assert device.ffs >= device.luts * 0.7, device
        assert device.dsps > 20, device
        assert device.brams > 30, device
    assert len(DEVICES) >= 12


def test_a_device_holds_what_is_not_over_any_of_its_numbers():
    device = DEVICES["xc7z010"]
    full = Resources(17_600, 35_200, 80, 60)
    assert device.holds(full)
    assert device.percent(full) == {"luts": 100.0, "ffs": 100.0, "dsps": 100.0, "brams": 100.0}
    for kind in KINDS:
        assert not device.holds(full + Resources(**{kind: 1})), kind


def test_find_ignores_case_and_suggests():
    assert find("XC7Z020").dsps == 220
    with pytest.raises(InputError, match="lfe5u-85f"):
        find("lfe5u85f")


@pytest.mark.parametrize(
    "family,cells,expected",
    [
        (
            "xc7",
            {
                "LUT6": 10,
                "LUT2": 5,
                "SRL16E": 3,
                "RAM64M": 2,
                "CARRY4": 9,
                "MUXF7": 4,
                "FDRE": 7,
                "FDSE": 1,
                "DSP48E1": 2,
                "BUFG": 1,
                "RAMB18E1": 3,
                "RAMB36E1": 1,
            },
            dict(luts=26, ffs=8, dsps=2, brams=2.5),
        ),
        (
            "ecp5",
            {
                "LUT4": 10,
                "CCU2C": 5,
                "TRELLIS_DPR16X4": 2,
                "TRELLIS_FF": 9,
                "MULT18X18D": 3,
                "DP16KD": 2,
                "PFUMX": 8,
            },
            dict(luts=32, ffs=9, dsps=3, brams=2),
        ),
    ],
)
def test_count(family, cells, expected):
    assert FAMILIES[family].count(cells) == Resources(**expected)


@pytest.mark.parametrize(
    "family,width,depth,expected",
    [
        ("xc7", 72, 512, (0, 0, 1)),  # a RAMB36 is 512 x 72
        ("xc7", 36, 512, (0, 0, 0.5)),  # half of it
        ("xc7", 10, 4096, (0, 0, 1.5)),  # 8 bits in three halves' data, of 9 bits a byte
        ("xc7", 6, 32, (4, 6, 0)),  # RAM32M: 32 x 6 in four LUTs, and the read register
        # six RAM64M, a multiplexer of two a bit, two write enables
        ("xc7", 8, 128, (34, 8, 0)),
        # two behind each other; the upper address bit waits for the data
        ("xc7", 128, 8192, (130, 1, 30)),
        ("xcup", 14, 32, (8, 14, 0)),  # RAM32M16
        ("ecp5", 36, 512, (0, 0, 1)),
        ("ecp5", 4, 16, (6, 4, 0)),
        ("ecp5", 16, 64, (148, 16, 0)),  # 16 DPR16X4, multiplexers of four
        ("ecp5", 24, 64, (0, 0, 1)),  # as LUTs it would cost more
    ],
)
def test_ram(family, width, depth, expected):
    """What Yosys 0.70 makes of rtl/hwcnn_ram.v."""
    luts, ffs, brams = expected
    assert FAMILIES[family].ram(width, depth) == Resources(luts, ffs, 0, brams)


def test_a_ram_can_be_kept_out_of_luts():
    assert FAMILIES["ecp5"].ram(128, 32).brams == 0
    assert FAMILIES["ecp5"].ram(128, 32, block=True) == Resources(brams=4)
