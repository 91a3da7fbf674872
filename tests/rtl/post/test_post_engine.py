import pytest
from post_bench import PostBench
from testbench import run_block

from hwcnn.config import AccelConfig


@pytest.mark.parametrize(
    "rows,cols,axi_bytes", [(4, 4, 16), (8, 16, 8), (16, 8, 32), (4, 16, 16), (4, 16, 64)]
)
def test_post(rows, cols, axi_bytes, tmp_path):
    config = AccelConfig(rows=rows, cols=cols, acc_depth=64, param_slots=8, axi_bytes=axi_bytes)
    run_block(PostBench(config), "post_engine_tests", tmp_path, config=config.to_dict())
