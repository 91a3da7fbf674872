"""nextpnr's report in words."""

import pytest

from hwcnn.errors import InputError
from hwcnn.estimate import devices, pnr


def step(kind, delay, start, end):
    return {"type": kind, "delay": delay, "from": {"cell": start}, "to": {"cell": end}}


PATH = [
    step("clk-to-q", 0.5, "core.post.a_TRELLIS_FF_Q_3", "core.post.a_TRELLIS_FF_Q_3"),
    step("routing", 1.5, "core.post.a_TRELLIS_FF_Q_3", "core.o_LUT4_Z"),
    step("logic", 0.25, "core.o_LUT4_Z", "core.o_LUT4_Z"),
    step("routing", 1.0, "core.o_LUT4_Z", "core.sum_CCU2C_S0$CCU2_COMB1"),
    step("routing", 0.0, "core.sum_CCU2C_S0$CCU2_COMB1", "core.sum_CCU2C_S1$CCU2_COMB0"),
    step("routing", 1.0, "core.sum_CCU2C_S1$CCU2_COMB0", "core.store_TRELLIS_FF_Q"),
    step("setup", 0.0, "core.store_TRELLIS_FF_Q", "core.store_TRELLIS_FF_Q"),
]
OWNERS = {
    "core.sum_CCU2C_S0": ("CCU2C", "core.post.writer"),
    "core.sum_CCU2C_S1": ("CCU2C", "core.post.writer"),
    "core.post.a_TRELLIS_FF_Q_3": ("TRELLIS_FF", "core.post.core"),
    "core.o_LUT4_Z": ("LUT4", "core.post.writer"),
    "core.store_TRELLIS_FF_Q": ("TRELLIS_FF", "core.post.writer"),
}


def test_the_slowest_path_in_words():
    report = {
        "fmax": {"clk": {"achieved": 123.456, "constraint": 150}},
        "critical_paths": [
            {"from": "posedge clk", "to": "posedge clk", "path": PATH},
            {"from": "posedge clk", "to": "<async>", "path": [step("routing", 99.0, "a", "b")]},
        ],
    }
    found = pnr.timing(report, OWNERS)
    assert found.mhz == 123.5
    assert found.path == (
        "4.2 ns, of which 3.5 ns between cells: from core.post.a (FF of core.post.core)",
        "through a LUT and an adder of core.post.writer",
        "to core.store (FF of core.post.writer)",
    )


def test_only_devices_that_nextpnr_knows():
    with pytest.raises(InputError, match="lfe5u-85f"):
        pnr.place(None, devices.find("xc7z020"))
