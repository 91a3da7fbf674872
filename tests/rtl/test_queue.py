import pytest
from bench import run_block

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.queue import InstructionQueue


@pytest.mark.parametrize("name,prefetch", [("array", True), ("post", False), ("weight", True), ("end", False)])
def test_queue(name, prefetch, tmp_path):
    queue = InstructionQueue(AccelConfig(queue_words=16), isa.BY_NAME[name], prefetch)
    run_block(queue, "queue_tests", tmp_path, instruction=name, prefetch=prefetch)
