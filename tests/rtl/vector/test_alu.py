import pytest
from testbench import run_block

from hwcnn.rtl.vector.alu import Alu


@pytest.mark.parametrize("lanes,eltwise", [(4, True), (8, False)])
def test_alu(lanes, eltwise, tmp_path):
    run_block(Alu(lanes, eltwise), "alu_tests", tmp_path, lanes=lanes, eltwise=eltwise)
