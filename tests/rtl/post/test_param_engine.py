import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.post.param_engine import ParamEngine


@pytest.mark.parametrize("axi_bytes", [8, 16, 32])
def test_params(axi_bytes, tmp_path):
    run_block(
        ParamEngine(AccelConfig(axi_bytes=axi_bytes)),
        "param_engine_tests",
        tmp_path,
        axi_bytes=axi_bytes,
    )
