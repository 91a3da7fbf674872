import pytest
from testbench import run_block
from weight_path import WeightPath

from hwcnn.config import AccelConfig


@pytest.mark.parametrize(
    "rows,cols,axi_bytes,weight_fifo,queue_words",
    [
        (4, 4, 16, 64, 16),
        (4, 4, 8, 128, 32),
        (8, 4, 32, 64, 16),
        (8, 8, 16, 64, 64),
        (4, 64, 64, 128, 16),
    ],
)
def test_weight_path(rows, cols, axi_bytes, weight_fifo, queue_words, tmp_path):
    config = AccelConfig(
        rows=rows, cols=cols, axi_bytes=axi_bytes, weight_fifo=weight_fifo, queue_words=queue_words
    )
    run_block(WeightPath(config), "weight_path_tests", tmp_path, config=config.to_dict())
