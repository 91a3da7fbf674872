import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.array.accumulators import Accumulators


@pytest.mark.parametrize("rows,cols", [(32, 4), (64, 8)])
def test_accumulators(rows, cols, tmp_path):
    config = AccelConfig(rows=rows, cols=cols, acc_depth=64, axi_bytes=8)
    run_block(Accumulators(config), "accumulators_tests", tmp_path, config=config.to_dict())
