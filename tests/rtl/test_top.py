import pytest
from testbench import run_block

from hwcnn.config import VECTOR_FEATURES, AccelConfig
from hwcnn.rtl.top import Accelerator


@pytest.mark.parametrize(
    "side,axi_bytes,features", [(4, 16, VECTOR_FEATURES), (4, 8, ()), (8, 64, VECTOR_FEATURES)]
)
def test_accelerator(side, axi_bytes, features, tmp_path):
    config = AccelConfig(
        rows=side,
        cols=side,
        act_kib=4,
        acc_depth=64,
        axi_bytes=axi_bytes,
        queue_words=16,
        pool_depth=64,
        features=features,
    )
    run_block(Accelerator(config), "top_tests", tmp_path, config=config.to_dict())
