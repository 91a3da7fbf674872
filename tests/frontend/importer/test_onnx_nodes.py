"""ONNX's own node tests, of all operators: each either runs, near the float result that ONNX gives,
or is refused.
"""

import re
from functools import cache

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.loader import load_node_model_tests

from hwcnn import golden
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.importer.registry import OPERATORS
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.float_to_qdq import quantise

#: Cases that cannot run on the accelerator, by name: reason.
REFUSED = {
    r"_3d_(default|dilations)|(max|average)pool_3d|convtranspose_3d": "three spatial dimensions",
    r"training": "dropout or batch norm in training",
    r"concat_(1d|2d_axis_(0|negative_2)|3d_axis_(0|negative_3))": "images of a batch",
    r"(add|sub|mul|div)_bcast": "one operand varies along columns only",
    r"test_div(_example)?$": "division by a map",
    r"matmul_(3d|4d|bcast|1d|4d_1d)": "batched matrices",
    r"gemm_(transposeA|all_attributes|default_matrix_bias)": "a transposed map, a bias a row",
    r"test_pow(_example|_bcast_array|_types.*)?$": "a map or vector of exponents",
    r"prelu_(example|broadcast)$|swiglu": "a map or vector of slopes or gates",
    r"reduce_(mean|sum|l1|sum_square|log_sum|max|min)_default": "over the images of a batch",
    r"reduce_(log_sum_asc)": "over the images of a batch",
    r"reduce_log_sum_(desc|negative)": "of what can be negative, or a new opset",
    r"resize_.*(cubic|antialias|tf_crop|not_larger|not_smaller)": "other interpolations",
    r"resize_downsample_scales_linear_align_corners": "onnx and onnxruntime differ on positions",
    r"test_gather_0|test_slice(_neg_steps)?$": "a slice of the images of a batch",
    r"slice_start_out_of_bounds|split_zero_size": "no elements",
    r"spacetodepth_(dcr|crd)_mode": "an opset that onnxruntime has no QuantizeLinear for",
    r"softmax": "nothing quantised before it",
    r"test_transpose_(default|all_permutations_[1-5])": "its result leaves in another layout",
    r"acosh": "not defined at 0, which every int8 map can hold",
    r"expand_dim_changed|test_tile": "over the images of a batch",
    r"allowzero_reordered|empty_set": "no elements",
    r"layer_normalization_(?!.*expanded)": "its mean and deviation are outputs",
    r"l[12p]normalization|reduce_l2_": "not the roots of channels' squares, or not of a map",
    r"test_lppool": "powers of values, whose sums int8 does not hold",
    r"test_celu$": "an opset that onnxruntime has no QuantizeLinear for",
}
#: Operators so steep that a step of the input moves the output far; they are held to onnxruntime's
#: QDQ result only.
STEEP = {"Tan", "Round", "Floor", "Ceil", "Sign", "ThresholdedRelu", "Shrink"}
#: Their cases are of an opset that onnxruntime has no QuantizeLinear for, but mean the same in
#: earlier ones.
NEWEST = {"DepthToSpace", "SpaceToDepth"}
#: All inputs of these are maps; of others only the first is.
MAPS = {"Add", "Sub", "Sum", "Mul", "Div", "Max", "Min", "Concat"}


@cache
def node_tests():
    """All of them. Some of onnx's generators divide by zero or overflow on purpose."""
    with np.errstate(all="ignore"):
        return load_node_model_tests()


@cache
def cases():
    found = {}
    for case in node_tests():
        ops = {n.op_type for n in case.model.graph.node}
        inputs, outputs = case.data_sets[0]
        if ops <= set(OPERATORS) and all(
            isinstance(a, np.ndarray) and a.dtype == np.float32 for a in [inputs[0], *outputs]
        ):
            found[case.name] = case
    return found


@cache
def others():
    """All further cases of numbers: of operators that the importer does not know, and of other
    types. The expanded forms of functions are left out: the operators that they consist of have
    cases of their own.
    """
    found = {}
    for case in node_tests():
        inputs, outputs = case.data_sets[0]
        numbers = all(
            isinstance(a, np.ndarray | np.generic) and a.dtype.kind in "fiub"
            for a in [*inputs, *outputs]
        )
        if numbers and case.name not in cases() and "_expanded" not in case.name:
            found[case.name] = case
    return found


def prepared(case):
    """The model with its constant inputs as initializers, and the remaining inputs by name."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    maps = {n.op_type for n in model.graph.node} <= MAPS
    feed = {}
    if NEWEST & {n.op_type for n in model.graph.node}:
        model.opset_import[0].version = 21
    for i, (value, array) in enumerate(
        zip(case.model.graph.input, case.data_sets[0][0], strict=True)
    ):
        if i == 0 or maps:
            feed[value.name] = array
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return model, feed


def run(case):
    """({name: golden's output}, onnxruntime's on the QDQ model, scale of the first output)."""
    model, feed = prepared(case)
    model = normalise(model, case.name)  # its inputs are float32 then, with a batch
    for value in model.graph.input:
        array = feed[value.name]
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        array = array.reshape(shape) if len(shape) > array.ndim else array
        feed[value.name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    qdq = quantise(model, [feed])
    graph = import_graph(qdq)
    inputs = {
        n: golden.quantise_input(graph, n, feed[n]).reshape(graph.tensors[n].shape)
        for n in graph.inputs
    }
    outputs = golden.host_outputs(graph, golden.run(graph, inputs))
    return outputs, session(qdq).run(None, feed), graph.tensors[graph.outputs[0]].scale


@pytest.mark.parametrize("name", cases())
def test_node(name):
    case = cases()[name]
    if any(re.search(pattern, name) for pattern in REFUSED):
        with pytest.raises(InputError):
            run(case)
        return
    got, quantised, scale = run(case)
    for ours, theirs, real in zip(got.values(), quantised, case.data_sets[0][1], strict=False):
        assert ours.shape == real.shape
        assert np.abs(ours - theirs).max(initial=0) <= 1.01 * scale
        if not STEEP & {n.op_type for n in case.model.graph.node}:
            assert np.abs(ours - real).max(initial=0) <= 0.06 * np.abs(real).max()


@pytest.mark.parametrize("name", others())
def test_other_node(name):
    """Refused, or near the float result where it has the same output; never another exception."""
    case = others()[name]
    real = dict(zip([o.name for o in case.model.graph.output], case.data_sets[0][1], strict=True))
    try:
        got, _, _ = run(case)
    except InputError:
        return
    for output, ours in got.items():
        if output in real:
            assert np.abs(ours - real[output]).max(initial=0) <= 0.06 * np.abs(real[output]).max()
