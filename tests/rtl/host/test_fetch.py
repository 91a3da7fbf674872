import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.host.fetch import Fetch


@pytest.mark.parametrize("axi_bytes", [8, 16, 64])
def test_fetch(axi_bytes, tmp_path):
    run_block(
        Fetch(AccelConfig(rows=8, cols=8, axi_bytes=axi_bytes)),
        "fetch_tests",
        tmp_path,
        axi_bytes=axi_bytes,
    )
