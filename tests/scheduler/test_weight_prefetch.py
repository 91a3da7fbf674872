"""Weights ahead of the array: as many as FIFO, engine and queue take, and no more."""

import pytest
from minimal import LEAST, least
from random_networks import Builder
from test_networks import check

from hwcnn.config import AccelConfig
from hwcnn.scheduler.compile import compile_graph
from hwcnn.scheduler.weight_prefetch import PrefetchedWeights, delay_weights
from hwcnn.tile_ops import array_passes


def chain(layers, channels=4):
    """1x1 convolutions of one tile each on one pixel."""
    b, x = Builder(1, (1, channels, 1, 1)), "x"
    for _ in range(layers):
        x = b.conv(x, channels, 1)
    return b.done(x)


@pytest.mark.parametrize(
    "config, layers",
    [
        (least(4, 4, 16), 75),
        (least(8, 4, 32), 75),
        (least(4, 4, 16, weight_fifo=128), 150),
        (least(4, 4, 16, queue_words=32), 90),
    ],
)
def test_weights_are_not_asked_for_too_early(config, layers):
    """In front of every ARRAY are no more WEIGHTs than FIFO, engine and queue take (what they take:
    tests/rtl/array/test_weight_path.py).
    """
    compiled = check(chain(layers), config)
    beats, most = 0, 0
    for op in compiled.ops:
        beats += {"weight": 1, "array": -1}.get(op.queue, 0)  # a tile is a beat
        most = max(most, beats)
    fifo = config.weight_fifo - 15
    assert fifo <= most <= fifo + 1 + config.queue_words // 2


def test_delayed_weights_keep_their_order():
    compiled = compile_graph(chain(75), AccelConfig(**LEAST | dict(rows=4, cols=4, axi_bytes=16)))
    tight = least(4, 4, 16, queue_words=16)
    early = sorted(compiled.ops, key=lambda op: op.queue != "weight")  # all WEIGHTs first
    late = delay_weights(early, tight)
    assert [op for op in late if op.queue != "weight"] == [
        op for op in early if op.queue != "weight"
    ]
    assert [op for op in late if op.queue == "weight"] == [
        op for op in early if op.queue == "weight"
    ]
    prefetched = PrefetchedWeights(tight)
    for op in late:
        if op.queue == "weight":
            prefetched.ask(op.values["n_bytes"])
        elif op.queue == "array":
            prefetched.use(array_passes(op.values) * tight.tile_bytes)
        assert prefetched.fits()
