from testbench import run_block

from hwcnn.rtl.lib.loop_counter import Rounds


def test_rounds(tmp_path):
    run_block(Rounds(4), "loop_counter_tests", tmp_path)
