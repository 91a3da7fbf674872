import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.array.weight_engine import WeightEngine


@pytest.mark.parametrize("rows,cols,axi_bytes", [(16, 16, 16), (8, 4, 32), (8, 32, 8)])
def test_weights(rows, cols, axi_bytes, tmp_path):
    config = AccelConfig(rows=rows, cols=cols, axi_bytes=axi_bytes, weight_fifo=128)
    run_block(
        WeightEngine(config),
        "weight_engine_tests",
        tmp_path,
        rows=rows,
        cols=cols,
        axi_bytes=axi_bytes,
    )
