import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.vector.table import ActivationTable


@pytest.mark.parametrize("lanes,axi_bytes", [(4, 8), (8, 64)])
def test_table(lanes, axi_bytes, tmp_path):
    config = AccelConfig(rows=lanes, cols=16, axi_bytes=axi_bytes)
    run_block(ActivationTable(config), "table_tests", tmp_path, lanes=lanes, axi_bytes=axi_bytes)
