from bench import run_block

from hwcnn.rtl.rounds import Rounds


def test_rounds(tmp_path):
    run_block(Rounds(4), "rounds_tests", tmp_path)
