"""From components to Verilog."""

import os

import pytest

from hwcnn.rtl.lib.fifo import StreamFifo
from hwcnn.rtl.verilog import to_verilog


@pytest.mark.parametrize("chosen", [None, "no such Yosys"])
def test_the_environment_neither_decides_nor_changes(monkeypatch, chosen):
    """Which Yosys writes the Verilog is no choice: another one might write it differently."""
    if chosen is None:
        monkeypatch.delenv("AMARANTH_USE_YOSYS", raising=False)
    else:
        monkeypatch.setenv("AMARANTH_USE_YOSYS", chosen)
    before = dict(os.environ)
    text = to_verilog(StreamFifo(8, 4), "fifo")
    assert "\nmodule fifo(" in text
    assert dict(os.environ) == before
