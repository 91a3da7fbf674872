"""Functions of one value as tables: what overflows saturates, silently."""

import warnings

import numpy as np
import pytest
from qdq import Qdq, compare, infer

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph


def exponentials(scale):
    """exp of -128 to 127, of which some are beyond float32, in steps of `scale`."""
    net = Qdq(1)
    x = net.input(1, 4, 4, 4, scale=1.0)
    return net, net.q(net.node("Exp", [x]), scale, -128)


@pytest.mark.parametrize("scale", [1e-30, 0.05, 1.0, 1e30, 3e38])
def test_infinity_saturates_without_a_warning(scale):
    net, result = exponentials(scale)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = import_graph(infer(net.model(result)))
    (op,) = graph.ops
    assert isinstance(op, ir.Lut)
    with np.errstate(over="ignore"):
        real = np.exp(np.arange(-128, 128).astype(np.float32)) / np.float32(scale)
    expected = np.clip(np.rint(real) - 128, -128, 127)
    np.testing.assert_array_equal(op.table, expected)


def test_infinity_is_as_onnxruntime_has_it():
    _, differences = compare(*exponentials(0.05))
    assert differences[0].max() == 0


def test_a_function_that_is_not_defined_everywhere_is_refused():
    net = Qdq(1)
    result = net.q(net.node("Log", [net.input(1, 4, 4, 4)]), 0.05, 0)
    with pytest.raises(InputError, match="not defined for every value"):
        import_graph(infer(net.model(result)))
