import pytest
from testbench import run_block

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.host.queue import InstructionQueue


@pytest.mark.parametrize("name", ["array", "post", "weight", "end"])
def test_queue(name, tmp_path):
    queue = InstructionQueue(AccelConfig(queue_words=16), isa.BY_NAME[name])
    run_block(queue, "queue_tests", tmp_path, instruction=name)
