import gc

import pytest
from testbench import run_block

from hwcnn.rtl.lib.roundclamp import RoundClamp


@pytest.mark.parametrize("width", [20, 34, 51, 52])
def test_roundclamp(width, tmp_path):
    run_block(RoundClamp(width), "roundclamp_tests", tmp_path, width=width)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("width", [1, 57])
def test_rejects_width(width):
    with pytest.raises(ValueError, match="expected a width"):
        RoundClamp(width)
    gc.collect()  # Amaranth warns of a component that is never elaborated when it is collected
