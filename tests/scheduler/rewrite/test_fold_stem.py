"""Stem folding: the packed picture under the folded convolution gives what the picture gave."""

import numpy as np
import pytest
from random_networks import Builder, random_input

from hwcnn.config import AccelConfig
from hwcnn.golden.run import run
from hwcnn.scheduler.rewrite import fold_stem
from hwcnn.scheduler.rewrite.fold_stem import pack_input, packings


def folded(rows, channels, kernel, stride, pads, size=(1, 13, 15), **more):
    b = Builder(1, (size[0], channels, *size[1:]))
    graph = b.done(b.conv("x", 6, kernel, stride, pads, **more))
    config = AccelConfig(rows=rows)
    return graph, fold_stem.run(graph, config), packings(graph, config)


@pytest.mark.parametrize(
    "rows, channels, kernel, stride, pads, more",
    [
        (16, 3, 3, 1, 1, {}),
        (16, 3, 7, 2, 3, {}),
        (16, 1, 3, 2, (0, 1, 2, 0), {}),
        (16, 3, (3, 5), (2, 1), 1, {"dilation": (1, 2)}),
        (4, 3, 3, 1, 1, {}),
        (8, 3, (5, 1), 1, 0, {}),
        (64, 7, (2, 3), (3, 2), 0, {}),
        (16, 13, 3, 1, 1, {}),
    ],
)
@pytest.mark.parametrize("batch", [1, 2])
def test_same_result(rows, channels, kernel, stride, pads, more, batch):
    graph, after, packs = folded(rows, channels, kernel, stride, pads, (batch, 13, 15), **more)
    ((name, spec),) = packs.items()
    picture = random_input(graph)["x"]
    packed = pack_input(picture, spec)
    assert packed.shape == after.tensors[name].shape
    y = graph.outputs[0]
    assert np.array_equal(run(after, {name: packed})[y], run(graph, {"x": picture})[y])


def passes(conv, rows):
    _, channels, kh, kw = conv.weight.shape
    return -(-channels // rows) * kh * kw


@pytest.mark.parametrize(
    "rows, channels, kernel",
    [(16, 3, 11), (16, 3, 3), (8, 3, 7), (4, 3, 3), (16, 9, 3), (32, 1, (2, 17))],
)
def test_fewer_passes(rows, channels, kernel):
    graph, after, _ = folded(rows, channels, kernel, 1, 0, (1, 20, 20))
    assert passes(after.ops[0], rows) < passes(graph.ops[0], rows)


@pytest.mark.parametrize("channels, kernel, groups", [(16, 3, 1), (20, 3, 1), (3, 1, 1), (6, 3, 3)])
def test_not_folded(channels, kernel, groups):
    graph, after, packs = folded(16, channels, kernel, 1, 0, groups=groups)
    assert not packs
    assert after.ops == graph.ops


def test_several_readers_are_not_folded():
    b = Builder(2, (1, 3, 8, 8))
    graph = b.done(b.conv("x", 4, 3), b.conv("x", 4, 3))
    assert not packings(graph, AccelConfig())
    assert fold_stem.run(graph, AccelConfig()).ops == graph.ops


def test_wrong_picture():
    _, _, packs = folded(16, 3, 3, 1, 1)
    with pytest.raises(ValueError, match="expected an input of shape"):
        pack_input(np.zeros((1, 3, 12, 15), np.int8), packs["x.packed"])
