"""Softmax of two branches, by which maps are weighted, as a sigmoid: the same function, and no host
in the middle of the network.
"""

import numpy as np
import pytest
from float_nets import Net
from to_program import run

from hwcnn import ir
from hwcnn.frontend.model.optimise import fold
from hwcnn.frontend.model.session import session


def selective(branches):
    """Branches weighted by a softmax over them, as in SKNet (Li et al., 2019)."""
    net = Net(1, 3, 8, 9)
    split = net.node(
        "Reshape",
        net.conv(3, 6 * branches, 3, 3, pads=[1] * 4),
        net.const([1, branches, 6, 8, 9], np.int64),
    )
    net.node(
        "GlobalAveragePool", net.node("ReduceSum", split, net.const([1], np.int64), keepdims=0)
    )
    scores = net.conv(6, 6 * branches, 1, 1)
    scores = net.node("Reshape", scores, net.const([1, branches, 6, 1, 1], np.int64))
    weighted = net.node("Mul", split, net.node("Softmax", scores, axis=1))
    net.node("ReduceSum", weighted, net.const([1], np.int64), keepdims=0)
    return net


@pytest.mark.parametrize("branches, left", [(2, 0), (3, 1)])
def test_only_pairs_are_written_out(branches, left):
    model, feed = selective(branches).model(), selective(branches).samples()[0]
    folded = fold(model)
    assert sum(n.op_type == "Softmax" for n in folded.graph.node) == left
    (before,), (after,) = (session(m).run(None, feed) for m in (model, folded))
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_all_of_it_runs_on_the_accelerator():
    graph, steps = run(selective(2))
    assert steps[0].max() <= 1
    assert not graph.host
    assert isinstance(graph.ops[-1], ir.Conv)


def test_scores_of_two_classes_stay():
    net = Net(1, 3, 8, 9)
    net.node("Softmax", net.conv(3, 2, 1, 1), axis=1)
    assert fold(net.model()).graph.node[-1].op_type == "Softmax"
