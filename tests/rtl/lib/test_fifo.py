import pytest
from testbench import run_block

from hwcnn.rtl.lib.fifo import SkidBuffer, StreamFifo


@pytest.mark.parametrize("width,depth", [(8, 4), (128, 16)])
def test_fifo(width, depth, tmp_path):
    run_block(StreamFifo(width, depth), "fifo_tests", tmp_path, width=width)


def test_skid_buffer(tmp_path):
    run_block(SkidBuffer(8), "fifo_tests", tmp_path, width=8)
