import pytest
from testbench import run_block

from hwcnn import isa
from hwcnn.rtl.host.dispatch import Dispatch


@pytest.mark.parametrize("left_out", [(), (isa.VECTOR,)])
def test_dispatch(left_out, tmp_path):
    instructions = [i for i in isa.INSTRUCTIONS if i not in left_out]
    run_block(
        Dispatch(instructions),
        "dispatch_tests",
        tmp_path,
        instructions=[i.name for i in instructions],
    )
