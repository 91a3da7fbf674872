import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.bus.writer import Writer


@pytest.mark.parametrize(
    "lanes,axi_bytes", [(16, 16), (4, 16), (16, 32), (32, 8), (64, 8), (8, 64)]
)
def test_writer(lanes, axi_bytes, tmp_path):
    config = AccelConfig(rows=64, cols=16, axi_bytes=axi_bytes)
    run_block(Writer(config, lanes), "writer_tests", tmp_path, lanes=lanes, axi_bytes=axi_bytes)
