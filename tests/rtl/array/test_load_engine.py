import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.array.load_engine import LoadEngine


@pytest.mark.parametrize("lanes,axi_bytes", [(16, 16), (4, 16), (32, 8)])
def test_load(lanes, axi_bytes, tmp_path):
    config = AccelConfig(rows=lanes, cols=16, axi_bytes=axi_bytes)
    run_block(LoadEngine(config), "load_engine_tests", tmp_path, lanes=lanes, axi_bytes=axi_bytes)
