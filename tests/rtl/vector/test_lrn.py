import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.vector.lrn import LrnFactors


@pytest.mark.parametrize("lanes,axi_bytes", [(4, 16), (8, 8), (16, 16), (32, 32)])
def test_lrn(lanes, axi_bytes, tmp_path):
    config = AccelConfig(rows=lanes, cols=16, axi_bytes=axi_bytes, pool_depth=64)
    run_block(LrnFactors(config), "lrn_tests", tmp_path, config=config.to_dict())
