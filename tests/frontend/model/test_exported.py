"""Models as exporters write them: what is loaded computes the same and can be quantised."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from hwcnn.errors import InputError, Note
from hwcnn.frontend.importer.qdq_to_ir import check
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.model.optimise import fold
from hwcnn.frontend.model.session import session

node = helper.make_node
F16, BF16, F64 = TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE


def weight(name, *shape, kind=TensorProto.FLOAT):
    """Seeded by its name."""
    rng = np.random.default_rng(list(name.encode()))
    values = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    return numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(kind)), name)


def constant(name, values, dtype):
    return node("Constant", [], [name], value=numpy_helper.from_array(np.array(values, dtype)))


def model(nodes, weights, shape=(1, 3, 12, 14), opset=13, kinds=(1, 1), **more):
    """From x of `shape` to y, whose shape is left out as old exporters do."""
    graph = helper.make_graph(
        nodes,
        "exported",
        [helper.make_tensor_value_info("x", kinds[0], shape)],
        [helper.make_tensor_value_info("y", kinds[1], None)],
        weights,
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10, **more)


def same(made, shape=(1, 3, 12, 14), dtype=np.float32, to_input=lambda x: x, tolerance=1e-5):
    """`made` loads as a model that gives the same; returns the shape of that one's input.

    to_input : what turns an array for `made` into one for the loaded model.
    """
    x = np.random.default_rng(0).uniform(0, 200, shape).astype(dtype)
    expected = _run(made, x)
    loaded = fold(normalise(onnx.ModelProto.FromString(made.SerializeToString()), "m"))
    check(loaded)
    found = session(loaded).run(None, {"x": to_input(x).astype(np.float32)})[0]
    assert found.dtype == np.float32
    scale = np.abs(expected.astype(np.float64)).max()
    np.testing.assert_allclose(found, expected.astype(np.float64), atol=tolerance * scale, rtol=0)
    return tuple(d.dim_value for d in loaded.graph.input[0].type.tensor_type.shape.dim)


def _run(made, x):
    """By onnx's own reference, in the model's own types."""
    made = onnx.ModelProto.FromString(made.SerializeToString())
    if made.opset_import[0].version < 13:  # onnx's reference has no old operators: onnxruntime has
        return session(made).run(None, {"x": x})[0]
    return np.asarray(ReferenceEvaluator(made).run(None, {"x": x})[0])


def test_large_initialisers_among_the_inputs_are_constants():
    weights = [weight("w", 64, 3, 5, 5), weight("v", 64, 64, 3, 3)]
    made = model(
        [node("Conv", ["x", "w"], ["a"]), node("Conv", ["a", "v"], ["y"])], weights, opset=7
    )
    made.ir_version = 3
    for tensor in weights:
        made.graph.input.append(helper.make_tensor_value_info(tensor.name, 1, tensor.dims))
    assert same(made) == (1, 3, 12, 14)


PARAMETERS = [numpy_helper.from_array(np.linspace(0.5, 2, 8, dtype=np.float32), n) for n in "sbmv"]


@pytest.mark.parametrize(
    "opset,more,attributes",
    [
        (8, ["mean", "var", "old mean", "old var"], {}),
        (15, ["mean", "var"], {"training_mode": 1}),
    ],
)
def test_batch_norms_in_training_mode_are_taken_for_inference(opset, more, attributes):
    def made(outputs, opset, **attributes):
        norm = node(
            "BatchNormalization", ["a", *"sbmv"], ["n", *outputs], name="norm", **attributes
        )
        nodes = [
            node("Conv", ["x", "w"], ["a"]),
            norm,
            node("Dropout", ["n"], ["y", *(["mask"] if more else [])]),
        ]
        return model(nodes, [weight("w", 8, 3, 3, 3), *PARAMETERS], opset=opset)

    x = np.random.default_rng(0).standard_normal((1, 3, 12, 14), np.float32)
    expected = session(made([], opset)).run(["y"], {"x": x})[0]
    with pytest.warns(Note, match="in training mode, taken for inference: norm"):
        loaded = fold(normalise(made(more, opset, **attributes), "m"))
    check(loaded)
    np.testing.assert_allclose(session(loaded).run(None, {"x": x})[0], expected, atol=1e-4)


def test_training_mode_whose_statistics_are_read_is_refused_with_what_to_do():
    norm = node("BatchNormalization", ["x", *"sbmv"], ["y", "mean", "var"], training_mode=1)
    made = model([norm], PARAMETERS, shape=(1, 8, 4, 4), opset=15)
    made.graph.output.append(helper.make_tensor_value_info("mean", 1, [8]))
    with pytest.raises(InputError, match="training mode: export the network for inference"):
        check(normalise(made, "m"))


@pytest.mark.parametrize(
    "opset,nodes",
    [
        (7, [node("Upsample", ["a"], ["y"], scales=[1.0, 1.0, 2.0, 2.0])]),
        (8, [node("Sum", ["a", "a", "a"], ["y"])]),
        (9, [node("Slice", ["a"], ["y"], axes=[1], starts=[0], ends=[4])]),
        (9, [node("Flatten", ["a"], ["f"]), node("Softmax", ["f"], ["y"])]),
        (10, [node("Pad", ["a"], ["y"], pads=[0, 0, 1, 1, 0, 0, 1, 1], value=0.0)]),
        (10, [node("Clip", ["a"], ["y"], min=0.0, max=6.0)]),
        (11, [node("ReduceMean", ["a"], ["y"], axes=[2, 3])]),
        (12, [node("Unsqueeze", ["a"], ["b"], axes=[0]), node("Squeeze", ["b"], ["y"], axes=[0])]),
    ],
    ids=lambda v: v[0].op_type if isinstance(v, list) else str(v),
)
def test_old_opsets(opset, nodes):
    same(model([node("Conv", ["x", "w"], ["a"]), *nodes], [weight("w", 8, 3, 3, 3)], opset=opset))


def test_shapes_that_the_model_computes_are_folded():
    made = model(
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Shape", ["a"], ["shape"]),
            constant("two", 2, np.int64),
            node("Gather", ["shape", "two"], ["h"], axis=0),
            node("Cast", ["h"], ["hf"], to=1),
            constant("factor", 2.0, np.float32),
            node("Mul", ["hf", "factor"], ["h2"]),
            node("Floor", ["h2"], ["h3"]),
            node("Cast", ["h3"], ["h4"], to=TensorProto.INT64),
            node("Unsqueeze", ["h4"], ["h5"], axes=[0]),
            constant("start", [0], np.int64),
            constant("end", [2], np.int64),
            node("Slice", ["shape", "start", "end"], ["nc"]),
            node("Concat", ["nc", "h5", "h5"], ["size"], axis=0),
            constant("none", [], np.float32),
            node(
                *("Resize", ["a", "none", "none", "size"], ["y"]),
                nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            ),
        ],
        [weight("w", 8, 3, 3, 3)],
        shape=("N", 3, 14, 14),
        opset=11,
    )
    assert same(made, (1, 3, 14, 14)) == (1, 3, 14, 14)


def test_an_if_whose_condition_is_known():
    branches = [
        helper.make_graph(nodes, "branch", [], [helper.make_tensor_value_info(name, 1, None)])
        for name, nodes in (
            ("t", [constant("axes", [2, 3], np.int64), node("Squeeze", ["p", "axes"], ["t"])]),
            ("e", [node("Identity", ["p"], ["e"])]),
        )
    ]
    made = model(
        [
            node("GlobalAveragePool", ["x"], ["p"]),
            node("Shape", ["p"], ["shape"]),
            constant("two", 2, np.int64),
            node("Gather", ["shape", "two"], ["h"]),
            constant("one", 1, np.int64),
            node("Equal", ["h", "one"], ["flat"]),
            node("If", ["flat"], ["f"], then_branch=branches[0], else_branch=branches[1]),
            node("Gemm", ["f", "g"], ["y"], transB=1),
        ],
        [weight("g", 10, 3)],
    )
    same(made)


def test_local_functions_are_inlined():
    block = helper.make_function(
        "local",
        "Block",
        ["X", "W"],
        ["Y"],
        [node("Conv", ["X", "W"], ["t"]), node("Relu", ["t"], ["Y"])],
        [helper.make_opsetid("", 13)],
    )
    made = model(
        [
            node("Block", ["x", "w"], ["a"], domain="local"),
            node("Block", ["a", "v"], ["y"], domain="local"),
        ],
        [weight("w", 64, 3, 5, 5), weight("v", 8, 64, 3, 3)],
        functions=[block],
    )
    made.opset_import.append(helper.make_opsetid("local", 1))
    same(made)
    assert {n.op_type for n in normalise(made, "m").graph.node} == {"Conv", "Relu"}


@pytest.mark.parametrize("kind,tolerance", [(F16, 3e-3), (BF16, 3e-2), (F64, 1e-5)])
def test_other_floats_become_float32(kind, tolerance):
    """The file is computed in its own type, which is less accurate."""
    made = model(
        [node("Conv", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"])],
        [weight("w", 60, 3, 5, 5, kind=kind)],
        opset=22,
        kinds=(kind, kind),
    )
    same(made, dtype=helper.tensor_dtype_to_np_dtype(kind), tolerance=tolerance)


@pytest.mark.parametrize("kind,tolerance", [(F16, 3e-3), (BF16, 3e-2)])
def test_narrow_weights_and_casts_between(kind, tolerance):
    made = model(
        [
            node("Cast", ["w"], ["wide"], to=1),
            node("Conv", ["x", "wide"], ["a"]),
            node("Cast", ["a"], ["b"], to=kind),
            node("Conv", ["b", "v"], ["c"]),
            node("Cast", ["c"], ["y"], to=1),
        ],
        [weight("w", 60, 3, 5, 5, kind=kind), weight("v", 4, 60, 3, 3, kind=kind)],
        opset=22,
    )
    same(made, tolerance=tolerance)
    assert {t.data_type for t in normalise(made, "m").graph.initializer} <= {1, kind}


def test_constants_in_double_are_folded_in_double():
    """0.7 * 30 is below 21 in double only."""
    made = model(
        [
            constant("rows", 30.0, np.float64),
            constant("factor", 0.7, np.float64),
            node("Mul", ["rows", "factor"], ["r"]),
            node("Floor", ["r"], ["floor"]),
            node("Cast", ["floor"], ["f"], to=1),
            node("Mul", ["x", "f"], ["y"]),
        ],
        [],
    )
    same(made)


def to_channels_first(x):
    return x.transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    "kind,first",
    [
        (1, []),
        (1, [node("Sub", ["x", "mean"], ["s"]), node("Mul", ["s", "half"], ["p"])]),
        (TensorProto.UINT8, [node("Cast", ["x"], ["f"], to=1), node("Sub", ["f", "mean"], ["p"])]),
    ],
    ids=["plain", "scaled", "pixels"],
)
def test_inputs_of_channels_last(kind, first):
    made = model(
        [
            *first,
            node("Transpose", ["p" if first else "x"], ["c"], perm=[0, 3, 1, 2]),
            node("Conv", ["c", "w"], ["y"]),
        ],
        [
            weight("w", 8, 3, 3, 3),
            numpy_helper.from_array(np.array([1, 20, 30], np.float32), "mean"),
            numpy_helper.from_array(np.array(0.5, np.float32), "half"),
        ],
        shape=("N", 12, 14, 3),
        kinds=(kind, 1),
    )
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    assert same(made, (1, 12, 14, 3), dtype, to_channels_first) == (1, 3, 12, 14)


@pytest.mark.parametrize("shape", [(1, 3, 12, 14), (1, 3, 3, 3)])
def test_a_transpose_alone_does_not_say_that_channels_are_last(shape):
    made = model([node("Transpose", ["x"], ["y"], perm=[0, 3, 1, 2])], [], shape=shape)
    loaded = normalise(made, "m")
    assert tuple(d.dim_value for d in loaded.graph.input[0].type.tensor_type.shape.dim) == shape
    assert [n.op_type for n in loaded.graph.node] == ["Transpose"]


@pytest.mark.parametrize("opset", [11, 13])
def test_pictures_without_a_batch_dimension(opset):
    """As torchvision's detectors take them."""
    unsqueeze = (
        [node("Unsqueeze", ["s"], ["b"], axes=[0])]
        if opset < 13
        else [constant("axes", [0], np.int64), node("Unsqueeze", ["s", "axes"], ["b"])]
    )
    mean = np.array([1, 20, 30], np.float32).reshape(3, 1, 1)
    made = model(
        [
            constant("mean", mean, np.float32),
            node("Sub", ["x", "mean"], ["s"]),
            *unsqueeze,
            node("Conv", ["b", "w"], ["y"]),
        ],
        [weight("w", 8, 3, 3, 3)],
        shape=(3, 12, 14),
        opset=opset,
    )
    assert same(made, (3, 12, 14), to_input=lambda x: x[None]) == (1, 3, 12, 14)


def test_an_input_of_three_dimensions_that_is_used_as_such_stays():
    made = model([node("Relu", ["x"], ["y"])], [], shape=(3, 12, 14))
    assert same(made, (3, 12, 14)) == (3, 12, 14)


def test_values_that_are_not_there_keep_their_shapes():
    """[objects, 2, 2] to [objects, 4], with sizes that the model reads off another value. There may
    be no object.
    """
    made = model(
        [
            constant("limit", 199.5, np.float32),
            node("Greater", ["x", "limit"], ["found"]),
            node("NonZero", ["found"], ["where"]),
            node("Transpose", ["where"], ["objects"], perm=[1, 0]),
            node("Cast", ["objects"], ["o"], to=1),
            constant("two", [-1, 2, 2], np.int64),
            node("Reshape", ["o", "two"], ["boxes"]),
            node("Flatten", ["boxes"], ["flat"]),
            node("Shape", ["boxes"], ["boxes shape"]),
            node("Shape", ["flat"], ["flat shape"]),
            constant("first", 0, np.int64),
            constant("second", 1, np.int64),
            node("Gather", ["boxes shape", "first"], ["n"], axis=0),
            node("Gather", ["flat shape", "second"], ["m"], axis=0),
            constant("axes", [0], np.int64),
            node("Unsqueeze", ["n", "axes"], ["count"]),
            node("Unsqueeze", ["m", "axes"], ["length"]),
            node("Concat", ["count", "length"], ["size"], axis=0),
            node("Reshape", ["boxes", "size"], ["y"]),
        ],
        [],
    )
    loaded = fold(normalise(made, "m"))
    for low, high, count in ((0, 199, 0), (200, 255, 3 * 12 * 14)):
        x = np.random.default_rng(0).uniform(low, high, (1, 3, 12, 14)).astype(np.float32)
        assert session(loaded).run(None, {"x": x})[0].shape == (count, 4)
