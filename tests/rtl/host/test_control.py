import pytest
from testbench import run_block

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.host.control import Control
from hwcnn.rtl.host.registers import ADDR_BITS, REGISTERS


@pytest.mark.parametrize("module", ["control_tests", "control_limits_tests"])
def test_control(module, tmp_path):
    config = AccelConfig(rows=8, cols=16, axi_bytes=32)
    run_block(Control(config), module, tmp_path, rows=8, cols=16, axi_bytes=32, key=config.key())


def test_register_map_is_consistent():
    offsets = [r.offset for r in REGISTERS]
    assert len(set(offsets)) == len(offsets) == len({r.name for r in REGISTERS})
    assert all(o % 4 == 0 and o < 1 << ADDR_BITS for o in offsets)
    assert sum(r.name.startswith("COUNT_") for r in REGISTERS) == len(isa.COUNTERS)
    for register in REGISTERS:
        taken = 0
        for field in register.fields:
            bits = (1 << field.bits) - 1 << field.lsb
            assert bits < 1 << 32, (register.name, field.name)
            assert not taken & bits, (register.name, field.name)
            taken |= bits
