"""Element-wise operations on maps whose scales are far apart: the finer one keeps its bits."""

import pytest
from qdq import Qdq, compare


@pytest.mark.parametrize("op", ["Max", "Min", "Add", "Sub"])
@pytest.mark.parametrize("coarse", [1.0, 40.0])
@pytest.mark.parametrize("swapped", [False, True])
def test_an_operand_that_saturates(op, coarse, swapped):
    """Where the coarse operand is 0, as a dead branch is, the result is the other one in the
    result's scale.
    """
    net = Qdq(3)
    operands = (
        net.input(1, 4, 6, 6, scale=coarse, zero=5),
        net.input(1, 4, 6, 6, scale=0.0537, zero=-3),
    )
    y = net.node(op, operands[::-1] if swapped else operands)
    _, differences = compare(net, net.q(y, 0.0311, 2))
    assert differences[0].max() <= 1
    net = Qdq(3)
    operands = (
        net.input(1, 4, 6, 6, scale=coarse, zero=5),
        net.input(1, 4, 6, 6, scale=0.000537, zero=-3),
    )
    y = net.node(op, operands[::-1] if swapped else operands)
    _, differences = compare(net, net.q(y, 0.000311, 2))
    assert differences[0].max() <= 1
