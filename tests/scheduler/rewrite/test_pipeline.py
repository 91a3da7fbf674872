"""The pipeline of rewrites: each pass alone keeps every result, and a broken one is named."""

import dataclasses

import numpy as np
import pytest
from random_networks import Builder, random_input, random_network
from resampled import network as resampled
from transposed import network as transposed

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.golden.run import run
from hwcnn.scheduler.rewrite import fold_stem
from hwcnn.scheduler.rewrite.pipeline import PASSES, Pass, PassError, rewrite

#: Few lanes, so that concatenations have holes; and no pooling, so that averages go to the array.
CONFIGS = {
    "4x4": AccelConfig(rows=4, cols=4, act_kib=8, acc_depth=64, pool_depth=64),
    "16x16": AccelConfig(),
    "no pool": AccelConfig(rows=8, cols=8, features=("eltwise", "affine", "lrn", "lut")),
}


def wide_windows() -> ir.Graph:
    """Windows that overlap more than the window unit holds, and averages of many taps."""
    b = Builder(7, (1, 6, 14, 30))
    y = b.pool("x", "max", 9, 1, 4)
    b.pool(y, "average", 5, 1)
    return b.done(y, b.pool("x", "average", (14, 30), 1))


def held_twice() -> ir.Graph:
    """Operands that are in two concatenations, and an input in one; lanes that differ."""
    b = Builder(8, (1, 6, 7, 9))
    y = b.conv("x", 5, 3, 1, 1)
    wide = b.concat(y, "x", y)
    return b.done(b.lrn(b.concat(y, wide)), b.eltwise(wide, b.conv("x", 16), "add"))


GRAPHS = {
    **{f"random {seed}": lambda seed=seed: random_network(seed) for seed in range(6)},
    "wide windows": wide_windows,
    "held twice": held_twice,
    "by eight": lambda: resampled((8, 8), True),
    "few phases": lambda: transposed(
        np.random.default_rng(9), (5, 2), (7, 6), (5, 4), (2, 3), (2, 1), (1, 0)
    ),
}


def results(graph: ir.Graph, inputs: dict, config: AccelConfig, original: ir.Graph) -> dict:
    """Every tensor by golden; inputs : of the original graph, packed where the graph wants it."""
    packs = fold_stem.packings(original, config)
    packed = {
        name: fold_stem.pack_input(inputs[packs[name].source], packs[name])
        if name in packs
        else inputs[name]
        for name in graph.inputs
    }
    return run(graph, packed)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
def test_each_pass_keeps_every_result(each, make, config):
    graph = make()
    inputs = random_input(graph, 3)
    before = run(graph, inputs)
    after = results(each.run(graph, config).verify(), inputs, config, graph)
    for op in graph.ops:
        np.testing.assert_array_equal(after[op.y], before[op.y], op.y)


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
def test_each_pass_changes_some_graph(each):
    """The graphs above have something for each pass to do."""
    assert any(
        each.run(graph, config).ops != graph.ops
        for config in CONFIGS.values()
        for graph in (make() for make in GRAPHS.values())
    )


def twice(graph, config):
    """Computes its first tensor twice."""
    return dataclasses.replace(graph, ops=[graph.ops[0], *graph.ops])


def fails(graph, config):
    raise KeyError("tensor")


@pytest.mark.parametrize("broken", [twice, fails])
def test_a_broken_pass_is_named(broken):
    passes = (PASSES[0], Pass("the_bad_one", broken), PASSES[1])
    with pytest.raises(PassError, match="rewrite pass 'the_bad_one': (ValueError|KeyError)"):
        rewrite(random_network(0), AccelConfig(), passes)


def test_what_the_user_can_mend_goes_through():
    def refuses(graph, config):
        raise InputError("layer 'a' is too wide")

    with pytest.raises(InputError, match="layer 'a' is too wide"):
        rewrite(random_network(0), AccelConfig(), [Pass("refuses", refuses)])
