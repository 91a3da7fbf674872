"""Windows at the edge of what ONNX defines: agreed with onnxruntime, or refused where onnx and
onnxruntime do not agree.
"""

import numpy as np
import pytest
from float_nets import Net
from qdq import Qdq, compare, infer

from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.quantise.agreement import agreement
from hwcnn.frontend.quantise.float_to_qdq import quantise


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(
    "op, size, kernel, attributes",
    [
        ("Conv", 6, 1, {"strides": [9, 1]}),
        ("AveragePool", 6, 1, {"strides": [9, 1]}),
        ("MaxPool", 20, 3, {"strides": [3, 1], "dilations": [2, 1]}),
        ("ConvTranspose", 5, 1, {"strides": [4, 1]}),
        ("ConvTranspose", 5, 2, {"strides": [4, 1], "output_padding": [3, 0]}),
    ],
)
def test_auto_pad_that_onnx_and_onnxruntime_disagree_on_is_refused(
    auto, op, size, kernel, attributes
):
    net = Net(1, 3, size, 4)
    weights = [net.const(np.ones((3, 3, kernel, 1)))] if "Conv" in op else []
    net.node(op, net.x, *weights, auto_pad=auto, kernel_shape=[kernel, 1], **attributes)
    with pytest.raises(InputError, match="auto_pad .*write the pads instead"):
        import_graph(quantise(net.model()))


@pytest.mark.parametrize("stride, size", [(2, 6), (4, 6), (5, 6), (3, 7)])
def test_auto_pad_of_strides_that_leave_out_at_most_one_element(stride, size):
    net = Qdq()
    y = net.node(
        "Conv",
        [net.input(1, 3, size, 2), net.weight(3, 3, 1, 1)],
        auto_pad="SAME_LOWER",
        strides=[stride, 1],
    )
    _, differences = compare(net, net.q(y, 0.5, 3))
    assert not differences[0].any()


def test_dilated_max_pooling_whose_outer_taps_see_only_pads():
    net = Qdq()
    y = net.node(
        "MaxPool", [net.input(1, 5, 1, 7)], kernel_shape=[3, 3], dilations=[2, 1], pads=[2, 1, 2, 1]
    )
    _, differences = compare(net, net.q(y, 0.05, 0))
    assert not differences[0].any()


def test_agreement_of_a_map_that_is_transposed_after_it_is_rescaled():
    """Its layout stays, so it is not the tensor that ONNX calls so."""
    net = Qdq()
    y = net.node("Relu", [net.node("Transpose", [net.input(1, 4, 4, 4)], perm=[0, 2, 3, 1])])
    y = net.node("Transpose", [net.q(y, 0.03, -128)], perm=[0, 3, 1, 2])
    model = infer(net.model(net.q(y, 0.03, -128)))
    rows = agreement(model, import_graph(model, fused=False), [net.feed()])
    assert all(row.passed for row in rows)
