"""What layers take at least: by hand."""

import pytest
from random_networks import Builder

from hwcnn.config import AccelConfig
from hwcnn.manifest import Bound
from hwcnn.scheduler.bound import layer_bound

CONFIG = AccelConfig(rows=16, cols=8, axi_bytes=8)


def bound(shape, make, config=CONFIG):
    b = Builder(1, shape)
    graph = b.done(make(b))
    return layer_bound(graph.ops[-1], graph.tensors, config)


def test_convolution():
    """3 output blocks, 9 taps of a whole input block and 5 pairs of taps of a quarter of one, 100
    pixels; 128 bytes of weights a pass; maps of 2 blocks of 16.
    """
    found = bound((1, 20, 10, 10), lambda b: b.conv("x", 24, 3, 1, 1))
    passes = 3 * (9 + 5)
    assert found == Bound(
        array=passes * 100, read=(passes * 128 + 2 * 100 * 16) // 8, write=2 * 100 * 16 // 8
    )
    assert found.cycles == passes * 100


def test_passes_take_as_long_as_their_weights():
    found = bound((1, 64, 2, 2), lambda b: b.conv("x", 8, 1))
    assert found.array == 4 * 16


@pytest.mark.parametrize("channels, passes", [(8, 5), (9, 9), (24, 9 + 5), (32, 18)])
def test_half_a_block_takes_half_of_the_passes(channels, passes):
    for out in (4, 8):
        found = bound((1, channels, 8, 8), lambda b, out=out: b.conv("x", out, 3, 1, 1))
        assert found.array == passes * 64


def test_groups_are_packed():
    """4 groups of 4 to 2 channels in a pass."""
    found = bound((1, 32, 8, 8), lambda b: b.conv("x", 16, 1, groups=8))
    assert found.array == 2 * 64


@pytest.mark.parametrize("kind, cycles", [("max", 4 * 4 * 2 * 4), ("average", 4 * 4 * 2 * 4)])
def test_pool(kind, cycles):
    """A result of a 3x3 window takes 4 cycles, and 2 blocks have 16 each."""
    found = bound((1, 32, 9, 9), lambda b: b.pool("x", kind, 3, 2))
    assert found.vector == max(cycles, 2 * 81)
    assert found.read == 2 * 81 * 2 and found.write == 2 * 16 * 2


def test_a_concatenation_takes_nothing():
    assert bound((1, 8, 4, 4), lambda b: b.concat("x", b.conv("x", 8, 1))) == Bound()
