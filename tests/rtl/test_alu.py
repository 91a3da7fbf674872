import pytest
from bench import run_block

from hwcnn.rtl.alu import Alu


@pytest.mark.parametrize("lanes,sets,sources,eltwise", [(4, 4, 2, True), (4, 1, 1, True), (8, 8, 8, False), (2, 1, 1, False)])
def test_alu(lanes, sets, sources, eltwise, tmp_path):
    run_block(Alu(lanes, sets, sources, eltwise), "alu_tests", tmp_path, lanes=lanes, sets=sets, sources=sources, eltwise=eltwise)
