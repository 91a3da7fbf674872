import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.limits import pool_reason
from hwcnn.rtl.vector.window import Window


@pytest.mark.parametrize("lanes,depth", [(4, 64), (16, 128)])
def test_window(lanes, depth, tmp_path):
    config = AccelConfig(rows=lanes, cols=8, axi_bytes=8, pool_depth=depth)
    run_block(
        Window(config), "window_tests", tmp_path, lanes=lanes, sum_bits=config.vector_sum_bits
    )


def test_limits():
    config = AccelConfig(pool_depth=512)
    assert pool_reason(config, (3, 3), (2, 2), 102, is_sum=True) is None
    assert "at most 102" in pool_reason(config, (3, 3), (2, 2), 103, is_sum=True)
    assert pool_reason(config, (4, 4), (1, 1), 5, is_sum=False) is None
    assert "at most 4 wide" in pool_reason(config, (5, 5), (1, 1), 5, is_sum=False)
    assert pool_reason(config, (23, 23), (23, 23), 5, is_sum=True) is None
    assert "at most 32768" in pool_reason(config, (182, 181), (1, 1), 1, is_sum=True)
    assert pool_reason(config, (181, 181), (1, 1), 1, is_sum=True) is None
    narrow = AccelConfig(pool_depth=512, dw_taps=0)
    assert "at most 512" in pool_reason(narrow, (23, 23), (23, 23), 5, is_sum=True)
    assert pool_reason(narrow, (23, 23), (23, 23), 5, is_sum=False) is None
