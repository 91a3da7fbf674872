"""Linear resampling on the depthwise unit: exact, where it takes fewer cycles than the array."""

import numpy as np
import pytest
from random_networks import run_isa
from resampled import network

from hwcnn import golden, isa
from hwcnn.config import AccelConfig
from hwcnn.scheduler.check import check
from hwcnn.scheduler.compile import compile_graph

CONFIG = AccelConfig(rows=4, cols=8, act_kib=8, acc_depth=64, param_slots=16, pool_depth=64)


@pytest.mark.parametrize(
    ("factors", "half", "on_unit"),
    [
        ((2, 2), True, True),
        ((4, 4), True, True),
        ((2, 4), False, True),
        ((8, 8), False, True),
        ((8, 8), True, True),  # products of odd sixteenths, up to 225: of a map doubled
        ((8, 12), True, False),  # up to 345
        ((1, 2), False, False),  # two or one pass on the array, two cycles on the unit
    ],
)
def test_linear(factors, half, on_unit):
    graph = network(factors, half)
    x = {"x": np.random.default_rng(1).integers(-128, 128, (1, 6, 5, 7)).astype(np.int8)}
    compiled = compile_graph(graph, CONFIG)
    check(compiled.program, CONFIG, compiled.manifest.dram_bytes)
    kinds = {op.values.get("reduce") for op in compiled.ops if op.queue == "vector"}
    assert kinds == ({isa.REDUCE_DEPTHWISE} if on_unit else set())
    found = run_isa(compiled, x, CONFIG, noise=1)["y"]
    np.testing.assert_array_equal(found, golden.run(graph, x)["y"])


def test_an_accelerator_without_the_unit_takes_the_array():
    compiled = compile_graph(network((2, 2), True), AccelConfig(dw_taps=0))
    assert not any(op.queue == "vector" for op in compiled.ops)
