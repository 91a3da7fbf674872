import pytest
from axi_copy import Copy
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.bus.axi import ReadMux, WriteMux


@pytest.mark.parametrize("axi_bytes,n", [(8, 3), (16, 7)])
def test_read_mux(axi_bytes, n, tmp_path):
    run_block(
        ReadMux(AccelConfig(axi_bytes=axi_bytes), n),
        "axi_read_tests",
        tmp_path,
        axi_bytes=axi_bytes,
        n=n,
    )


@pytest.mark.parametrize("axi_bytes,n", [(8, 3), (16, 2)])
def test_write_mux(axi_bytes, n, tmp_path):
    run_block(
        WriteMux(AccelConfig(axi_bytes=axi_bytes), n),
        "axi_write_tests",
        tmp_path,
        axi_bytes=axi_bytes,
        n=n,
    )


@pytest.mark.parametrize("lanes,axi_bytes", [(16, 16), (4, 32)])
def test_on_axi_ram(lanes, axi_bytes, tmp_path):
    config = AccelConfig(rows=lanes, cols=16, axi_bytes=axi_bytes)
    run_block(Copy(config), "axi_ram_tests", tmp_path, lanes=lanes, axi_bytes=axi_bytes)
