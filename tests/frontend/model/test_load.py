"""Bad models are refused with one line that says what, where and why; odd but good ones load."""

import numpy as np
import onnx
import pytest
from float_nets import Net
from onnx import TensorProto, helper, numpy_helper

from hwcnn.errors import InputError
from hwcnn.frontend.model.load import load, normalise


def saved(path, model, **kwargs):
    onnx.save(model, path, **kwargs)
    return path


def relu(shape, opset=13, ir_version=8):
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version
    )


def message(source, **kwargs):
    with pytest.raises(InputError) as e:
        load(source, **kwargs)
    text = str(e.value)
    assert "\n" not in text
    assert str(source) in text
    return text


def test_a_symbolic_batch_becomes_one(tmp_path):
    model = load(saved(tmp_path / "m.onnx", relu(["N", 3, 8, 8])))
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim] == [1, 3, 8, 8]


def test_other_symbolic_dimensions_need_values(tmp_path):
    path = saved(tmp_path / "m.onnx", relu(["N", 3, "H", "W"]))
    text = message(path)
    assert "'x'" in text
    assert "dimensions 2 (H) and 3 (W) are not fixed" in text
    assert "--shape x=1,3,224,224" in text
    model = load(path, shapes={"x": (1, 3, 20, 30)})
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim] == [1, 3, 20, 30]


@pytest.mark.parametrize(
    "shapes, words",
    [
        ({"z": (1, 3, 8, 8)}, "no input is named 'z'"),
        ({"x": (1, 3, 8)}, "4 dimensions"),
        ({"x": (1, 4, 8, 8)}, "is 3 in dimension 1"),
    ],
)
def test_shapes_that_do_not_fit(tmp_path, shapes, words):
    assert words in message(saved(tmp_path / "m.onnx", relu(["N", 3, 8, 8])), shapes=shapes)


@pytest.mark.parametrize(
    "data", [b"", b"not a model at all", b"\x08\x07\x12\x00", bytes(range(256)) * 10]
)
def test_not_onnx(tmp_path, data):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    assert "truncated" in message(path) or "not a valid ONNX model" in message(path)


def test_every_truncation_is_refused(tmp_path):
    data = Net(1, 3, 8, 8)
    data.conv(3, 40, 5, 5)
    whole = data.model().SerializeToString()
    path = tmp_path / "m.onnx"
    for size in range(0, len(whole) - 1, len(whole) // 17):
        path.write_bytes(whole[:size])
        message(path)


def test_missing_external_data(tmp_path):
    net = Net(1, 3, 8, 8)
    net.conv(3, 40, 5, 5)
    path = saved(
        tmp_path / "m.onnx",
        net.model(),
        save_as_external_data=True,
        location="w.bin",
        size_threshold=100,
    )
    assert load(path).graph.initializer[0].raw_data
    (tmp_path / "w.bin").unlink()
    assert "external data" in message(path)


def test_no_such_file_and_no_such_model(tmp_path):
    assert "no such file" in message(tmp_path / "m.onnx")
    assert "hwcnn models" in message("alexnett")
    assert "not a file" in message(tmp_path)


@pytest.mark.parametrize("batch", [0, -1, 1.5])
def test_batch_must_be_positive(batch):
    with pytest.raises(InputError, match="batch"):
        load("digits", batch=batch)


def test_old_opsets_are_converted_and_older_ones_refused(tmp_path):
    assert (
        load(saved(tmp_path / "m.onnx", relu([1, 3, 8, 8], opset=9, ir_version=3)))
        .opset_import[0]
        .version
        == 13
    )
    assert "opset 6" in message(
        saved(tmp_path / "m.onnx", relu([1, 3, 8, 8], opset=6, ir_version=3))
    )


def test_initializers_among_the_inputs_are_constants():
    model = relu([1, 3, 8, 8])
    model.graph.node[0].CopyFrom(helper.make_node("Add", ["x", "c"], ["y"]))
    model.graph.input.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, [1]))
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), "c"))
    assert [i.name for i in normalise(model, "m").graph.input] == ["x"]


def test_shapes_that_contradict_each_other_are_refused():
    net = Net(1, 3, 8, 8)
    net.node("Add", "x", net.const(np.zeros((1, 3, 8, 7))))
    with pytest.raises(InputError, match="not a valid ONNX model"):
        net.model()


def test_other_types_of_input_are_refused():
    model = relu([1, 3, 8, 8])
    model.graph.input[0].type.tensor_type.elem_type = model.graph.output[
        0
    ].type.tensor_type.elem_type = TensorProto.INT32
    with pytest.raises(InputError, match="'x' is of type int32"):
        normalise(model, "m")


def test_inputs_of_channels_last_become_channels_first():
    net = Net(1, 8, 9, 3)
    net.node("Transpose", perm=[0, 3, 1, 2])
    net.conv(3, 4, 3, 3)
    model = net.model()
    assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [1, 3, 8, 9]
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim] == [1, 4, 6, 7]
