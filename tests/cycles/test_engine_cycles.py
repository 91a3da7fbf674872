"""The cycle model's constants are the hardware's."""

import pytest

from hwcnn.config import AccelConfig
from hwcnn.cycles import engine_cycles, engines
from hwcnn.rtl.array.engine import ArrayEngine
from hwcnn.rtl.bus.writer import Writer
from hwcnn.rtl.post.engine import PostCore


def test_vectors_before_the_second_stage():
    assert engine_cycles.POST_SECOND == PostCore.SECOND


def test_vectors_that_wait_for_the_bus():
    assert engines.WRITE_BUFFER == PostCore.FIFO + Writer.BEATS


@pytest.mark.parametrize("stage2, cycles", [(0, 20), (1, 2 * 9 + 2 * 9 + 9 + 2)])
def test_a_post_with_a_second_stage_passes_twice(stage2, cycles):
    """20 vectors: two groups of 9 and one of 2; the last group's second pass waits as long."""
    values = dict(n_blk=2, out_rows=2, out_cols=5, stage2=stage2)
    assert engine_cycles.post_cycles(values) == cycles


@pytest.mark.parametrize("pe", ["4x4", "8x16", "16x8", "32x32"])
def test_an_array_takes_as_long_as_the_hardware_s(pe):
    """The last of n pixels is issued n - 1 cycles after the first, which is `START` cycles after
    the instruction is taken.
    """
    config = AccelConfig.load(pe=pe)
    assert engine_cycles.array_path(config) == ArrayEngine.START - 1 + ArrayEngine.done_latency(
        config
    )
