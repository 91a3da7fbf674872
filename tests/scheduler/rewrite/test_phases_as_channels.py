"""Phases of a transposed convolution as output channels: the same integers in fewer cycles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import run_isa
from transposed import network

from hwcnn import golden, ir
from hwcnn.config import AccelConfig
from hwcnn.cycles.replay import estimate
from hwcnn.scheduler.check import check
from hwcnn.scheduler.compile import compile_graph
from hwcnn.scheduler.rewrite import phases_as_channels, pipeline
from hwcnn.tile_ops import Program

SMALL = AccelConfig(rows=4, cols=8, act_kib=8, acc_depth=64, param_slots=16, pool_depth=64)


def pairs(low, high):
    return st.tuples(*[st.integers(low, high)] * 2)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**16),
    channels=st.tuples(st.integers(1, 9), st.integers(1, 3)),
    size=pairs(2, 6),
    kernel=pairs(1, 7),
    stride=pairs(2, 3),
    data=st.data(),
)
def test_the_same_integers(seed, channels, size, kernel, stride, data):
    pads = tuple(data.draw(st.integers(0, min(k - 1, 3))) for k in kernel)
    extra = tuple(data.draw(st.integers(0, s - 1)) for s in stride)
    rng = np.random.default_rng(seed)
    if any(
        (n - 1) * s + k + e <= 2 * p
        for n, s, k, e, p in zip(size, stride, kernel, extra, pads, strict=True)
    ):
        return
    graph = network(rng, channels, size, kernel, stride, pads, extra)
    x = {"x": rng.integers(-128, 128, graph.tensors["x"].shape).astype(np.int8)}
    expected = golden.run(graph, x)["y"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phases_as_channels, "_pays", lambda op, graph, config: True)
        replaced = phases_as_channels.run(graph, SMALL).verify()
        assert [op.name for op in replaced.ops] == ["up", "up/shuffle"]
        np.testing.assert_array_equal(golden.run(replaced, x)["y"], expected)
        compiled = compile_graph(graph, SMALL)
        check(compiled.program, SMALL, compiled.manifest.dram_bytes)
        np.testing.assert_array_equal(run_isa(compiled, x, SMALL, noise=1)["y"], expected)
    assert sum(ir.macs(op, replaced) for op in replaced.ops) == ir.macs(graph.ops[0], graph)
    assert sum(map(ir.params, replaced.ops)) == ir.params(graph.ops[0])


def test_it_is_done_where_it_takes_fewer_cycles(monkeypatch):
    config, rng = AccelConfig(), np.random.default_rng(5)
    few = network(rng, (56, 1), (20, 20), (9, 9), (3, 3), (4, 4), (2, 2))
    many = network(rng, (32, 16), (20, 20), (2, 2), (2, 2), (0, 0), (0, 0))

    def cycles(graph):
        compiled = compile_graph(graph, config)
        return estimate(Program(compiled.ops, compiled.layer_count), config).cycles

    fast = cycles(few)
    assert phases_as_channels.run(many, config).ops == many.ops
    passes = tuple(p for p in pipeline.PASSES if p.name != "phases_as_channels")
    monkeypatch.setattr(pipeline.rewrite, "__defaults__", (passes,))
    assert cycles(few) > 5 * fast
