import pytest
from array_bench import ArrayBench
from testbench import run_block

from hwcnn.config import AccelConfig


@pytest.mark.parametrize("rows,cols", [(4, 4), (8, 16), (16, 8)])
def test_array(rows, cols, tmp_path):
    config = AccelConfig(rows=rows, cols=cols, acc_depth=128, act_kib=4)
    run_block(ArrayBench(config), "array_engine_tests", tmp_path, config=config.to_dict())
