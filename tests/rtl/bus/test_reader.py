import pytest
from testbench import run_block

from hwcnn.config import AccelConfig
from hwcnn.rtl.bus.reader import VectorReader


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(
    "lanes,axi_bytes", [(16, 16), (4, 16), (16, 32), (32, 8), (16, 8), (64, 64)]
)
def test_vector_reader(lanes, axi_bytes, padded, tmp_path):
    config = AccelConfig(rows=lanes, cols=16, axi_bytes=axi_bytes)
    run_block(
        VectorReader(config, 64, padded),
        "reader_tests",
        tmp_path,
        lanes=lanes,
        axi_bytes=axi_bytes,
        padded=padded,
    )
