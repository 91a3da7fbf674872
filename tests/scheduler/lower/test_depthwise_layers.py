"""Depthwise convolutions on the vector engine: ISA == golden, waits checked, and what stays on the
array.
"""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from random_networks import Builder
from test_networks import check

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.scheduler.compile import compile_graph
from hwcnn.scheduler.rewrite.depthwise import requantisation

CONFIG = AccelConfig(rows=8, cols=8, axi_bytes=8, act_kib=8, param_slots=8, pool_depth=64)


def network(channels, kernel, stride=1, pads=0, dilation=1, size=(11, 13), batch=1):
    """Pointwise, depthwise, pointwise."""
    b = Builder(3, (batch, 5, *size))
    x = b.conv("x", channels, 1)
    y = b.conv(x, channels, kernel, stride, pads, groups=channels, dilation=dilation)
    return b.done(b.conv(y, 9, 1))


def depthwise_layers(graph, config):
    return [op for op in compile_graph(graph, config).graph.ops if isinstance(op, ir.Depthwise)]


@pytest.mark.parametrize("taps", [1, 2, 3, 4, 8])
@pytest.mark.parametrize(
    "channels, kernel, stride, pads, dilation",
    [
        (24, 3, 1, 1, 1),
        (21, 3, 2, (0, 0, 1, 1), 1),
        (16, 5, 1, 2, 1),
        (70, 3, 1, 1, 1),  # more blocks than parameter slots
        (9, (1, 7), (1, 3), (0, 3, 0, 3), 1),
        (9, (7, 1), (3, 1), (3, 0, 3, 0), 1),
        (12, 3, 1, 2, 2),
        (12, (3, 2), (2, 1), (3, 2, 3, 2), (3, 4)),
        (12, 3, 1, (1, 0, -3, -4), 1),  # crops the map
    ],
)
def test_depthwise(taps, channels, kernel, stride, pads, dilation):
    config = dataclasses.replace(CONFIG, dw_taps=taps)
    graph = network(channels, kernel, stride, pads, dilation)
    assert len(depthwise_layers(graph, config)) == 1
    check(graph, config)


def test_maps_wider_than_the_ring():
    """Rows of 200 columns: three of them need 201 words of a ring of 64."""
    graph = network(9, 3, 1, 1, size=(5, 200))
    assert depthwise_layers(graph, CONFIG)
    check(graph, CONFIG)


def test_batches():
    check(network(20, 3, 1, 1, size=(6, 6), batch=3), CONFIG)


def test_operands_with_holes():
    b = Builder(4, (1, 5, 9, 9))
    x = b.concat(b.conv("x", 5, 1), b.conv("x", 13, 1))
    y = b.conv(x, 18, 3, 1, 1, groups=18)
    graph = b.done(b.conv(y, 9, 1))
    assert depthwise_layers(graph, CONFIG)
    check(graph, CONFIG)


@pytest.mark.parametrize(
    "change",
    [
        dict(dw_taps=0),
        dict(features=()),
    ],
)
def test_left_out(change):
    config = dataclasses.replace(CONFIG, **change)
    graph = network(24, 3, 1, 1)
    assert not depthwise_layers(graph, config)
    check(graph, config)


@pytest.mark.parametrize(
    "kernel, stride, pads",
    [
        ((8, 8), 1, 4),  # 64 taps
        (3, (1, 4), 1),
        (3, 1, (-1, 1, 1, 1)),
        (3, 1, (1, -1, 1, 1)),
    ],
)
def test_what_the_unit_cannot_do_stays_on_the_array(kernel, stride, pads):
    graph = network(16, kernel, stride, pads)
    assert not depthwise_layers(graph, CONFIG)
    check(graph, CONFIG)


@pytest.mark.parametrize("shift, on_unit", [(20, True), (34, False), (40, True)])
def test_constants_beyond_40_bits(shift, on_unit):
    """All results are clamped; they are many; they are two."""
    graph = network(16, 3, 1, 1)
    at = next(k for k, op in enumerate(graph.ops) if op.groups == 16)
    op = graph.ops[at]
    mantissa = np.full(16, (1 << 17) - 1, np.int64)
    bias = ((np.arange(16) * 2 - 15) << shift + 2 - 17).astype(np.int32)
    graph.ops[at] = dataclasses.replace(
        op, bias=bias, mantissa=mantissa, shift=np.full(16, shift, np.int64)
    )
    assert bool(depthwise_layers(graph, CONFIG)) == on_unit
    check(graph, CONFIG)


def test_requantisation_with_a_narrower_constant():
    """Every sum, and where the greater result begins at a tie."""
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        shift, reach = int(rng.integers(36, 49)), int(rng.integers(1, 3000))
        mantissa = int(rng.choice([1 << 16, (1 << 17) - 1, int(rng.integers(1, 1 << 17))]))
        nearest = int(rng.integers(-100, 100)) * 2 + 1 << shift - 1  # a tie
        bias = nearest // mantissa + int(rng.integers(-reach, reach + 1))
        narrow = requantisation(bias, mantissa, shift, reach)
        if narrow is None or abs(bias * mantissa) < 1 << 39:
            continue
        found += 1
        for total in [*rng.integers(-reach, reach + 1, 50).tolist(), -reach, reach]:
            exact = Fraction((total + bias) * mantissa, 1 << shift)
            assert narrow(total) == round(exact), (bias, mantissa, shift, total)
    assert found > 100


def test_windows_that_see_nothing_but_padding():
    """One row of the map between two windows: the array does it, and every result is right."""
    graph = network(9, (2, 3), (4, 1), (3, 1, 2, 1), size=(1, 9))
    assert not depthwise_layers(graph, CONFIG)
    check(graph, CONFIG)
