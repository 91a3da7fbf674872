from testbench import run_block

from hwcnn.rtl.lib.loop_counter import LoopCounter


def test_rounds(tmp_path):
    run_block(LoopCounter(4), "loop_counter_tests", tmp_path)
