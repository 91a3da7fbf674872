"""Normalisations written out as other operators: the same function."""

import numpy as np
import pytest
from float_nets import Net
from normalised_nets import grouped, layer, of_length_one, of_pixels, uneven
from onnx import helper

from hwcnn.frontend.model.canonical import NORMS
from hwcnn.frontend.model.optimise import fold
from hwcnn.frontend.model.session import session


def same(net):
    """Asserts that the model computes the same without the operator; returns its operators."""
    model, feed = net.model(), net.samples()[0]
    folded = fold(model)
    (before,), (after,) = session(model).run(None, feed), session(folded).run(None, feed)
    np.testing.assert_allclose(after, before, atol=2e-5)
    kinds = [n.op_type for n in folded.graph.node]
    assert not {*NORMS, "ReduceL2"} & set(kinds)
    return kinds


@pytest.mark.parametrize("shape", [(1, 5, 7, 9), (2, 5, 7, 9), (1, 5, 11)])
@pytest.mark.parametrize("affine", [False, True])
def test_channels(shape, affine):
    net = Net(*shape)
    layer(net, 5, affine)
    assert same(net).count("BatchNormalization") == 1 + affine


def test_groups_with_their_constants():
    net = Net(1, 6, 5, 7)
    grouped(net, 6, 3, (1, 6, 5, 7))
    kinds = same(net)
    assert "Reshape" not in kinds
    assert kinds.count("BatchNormalization") == 2  # neutral, and the constants


def test_group_normalization():
    net = Net(1, 6, 5, 7, opset=21)
    parameters = (net.const(net.rng.uniform(0.5, 1.5, 6)), net.const(net.rng.standard_normal(6)))
    net.node("GroupNormalization", net.x, *parameters, num_groups=2, epsilon=0.3)
    kinds = same(net)
    assert not {"Reshape", "GroupNormalization"} & set(kinds)
    assert kinds.count("BatchNormalization") == 2


def test_groups_that_are_read_elsewhere_too():
    net = Net(1, 6, 5, 7)
    view = net.node("Reshape", net.x, net.const([0, 3, -1], np.int64))
    layer(net, 3, affine=False)
    net.node("Add", net.x, view)
    net.node("Reshape", net.x, net.const([1, 6, 5, 7], np.int64))
    assert same(net).count("Reshape") == 2


def test_a_reshape_to_other_maps_is_no_group():
    net = Net(1, 6, 5, 7)
    net.node("Reshape", net.x, net.const([0, 3, -1], np.int64))
    layer(net, 3, affine=False)
    net.node("Reshape", net.x, net.const([1, 3, 10, 7], np.int64))
    assert same(net).count("Reshape") == 2


def test_an_epsilon_of_its_own():
    net = uneven(4, 1)
    net.nodes[-1].attribute.append(helper.make_attribute("epsilon", 0.7))
    same(net)


def test_channels_of_each_pixel():
    net = Net(1, 5, 7, 9, opset=17)
    of_pixels(net, 5)
    assert same(net).count("Transpose") == 2  # both behind it


def test_channels_last_throughout():
    net = Net(1, 7, 9, 5, opset=17)
    of_pixels(net, 5, last=False)
    assert same(net).count("Transpose") == 2


def test_a_map_that_is_transposed_for_others_too():
    net = Net(1, 5, 7, 9, opset=17)
    last = net.node("Transpose", perm=[0, 2, 3, 1])
    of_pixels(net, 5, last=False)
    net.node("Add", net.x, last)
    same(net)


@pytest.mark.parametrize("kind", ["operator", "normalize"])
def test_vectors_of_length_one(kind):
    net = Net(1, 24, 12, 12)
    of_length_one(net, 24, kind)
    assert "Expand" not in same(net)


@pytest.mark.parametrize(
    "attributes, bound", [({"axes": [2]}, 1e-12), ({"axes": [1]}, 0.1), ({"axes": [1, 2]}, 1e-12)]
)
def test_other_quotients_are_left(attributes, bound):
    net = Net(1, 24, 12, 12)
    root = net.node("Clip", net.node("ReduceL2", keepdims=1, **attributes), net.const(bound))
    net.node("Div", "x", root)
    assert [n.op_type for n in fold(net.model()).graph.node] == ["ReduceL2", "Clip", "Div"]
