import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.vector.depthwise import Depthwise


@pytest.mark.parametrize(
    "lanes,axi_bytes,taps,depth",
    [(4, 8, 3, 64), (4, 16, 1, 64), (16, 8, 3, 128), (8, 64, 2, 64), (4, 8, 4, 64), (8, 8, 8, 64)],
)
def test_depthwise(lanes, axi_bytes, taps, depth, tmp_path):
    config = AccelConfig(rows=lanes, cols=16, axi_bytes=axi_bytes, pool_depth=depth, dw_taps=taps)
    run_block(Depthwise(config), "depthwise_tests", tmp_path, config=config.to_dict())
