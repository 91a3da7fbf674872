"""The built-in topologies: sizes as in the literature, shapes as onnxruntime infers them,
activations alive.
"""

import literature
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hwcnn.models.builder import Builder
from hwcnn.models.onnx_model import onnx_model
from hwcnn.models.reduced import CLASSIFICATION, TASKS
from hwcnn.models.shapes import pool_size

from hwcnn import models
from hwcnn.errors import InputError


def shape_of(value):
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def every_tensor(model, inputs):
    """All tensors by name, as onnxruntime computes them."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    del model.graph.output[:]
    names = [name for node in model.graph.node for name in node.output if name]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, inputs), strict=True))


@pytest.mark.parametrize("name", models.names())
def test_parameters_and_macs_agree_with_the_literature(name):
    counter = models.Counter(models.info(name))
    parameters, macs = (literature.CLASSIFICATION | literature.TASKS)[name]
    assert counter.params == pytest.approx(parameters * 1e6, rel=0.002)
    assert macs is None or counter.macs == pytest.approx(macs * 1e9, rel=0.005)


def test_alexnet_has_exactly_the_published_parameters():
    assert models.Counter(models.info("alexnet")).params == 60_965_224


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_small_version_runs_and_stays_alive(name):
    width, size = CLASSIFICATION[name]
    info = models.info(name)
    builder = Builder(name, info.channels, size, width)
    model = onnx_model(builder, info.layers(builder, "input"))
    onnx.checker.check_model(model, full_check=True)
    first, second, *rest = (
        every_tensor(model, {"input": x}) for x in models.samples(name, 5, size=size)
    )
    for tensor, values in first.items():
        assert values.shape == (1, *builder.shapes[tensor]), tensor
        if tensor != "probabilities":
            assert 1e-3 < values.std() < 1e3, tensor
            assert np.abs(values - second[tensor]).mean() > 0.02 * values.std(), tensor
    assert len({tensors["probabilities"].argmax() for tensors in (first, second, *rest)}) > 1


@pytest.mark.parametrize("name", TASKS)
def test_small_network_of_a_task_stays_alive(name):
    """Outputs have the shapes that the model says, and all tensors differ between two pictures."""
    width, size = TASKS[name]
    model = models.build(name, width, size)
    onnx.checker.check_model(model, full_check=True)
    shapes = {i.name: shape_of(i)[1:] for i in model.graph.input}
    first, second = (every_tensor(model, feed) for feed in models.feeds(name, shapes, 2))
    for output in model.graph.output:
        assert first[output.name].shape == shape_of(output)
    for tensor, values in first.items():
        if values.dtype == np.float32 and tensor not in ("word0.embedded", "word1.input"):
            difference = np.abs(values - second[tensor]).mean()
            assert 1e-3 < max(values.std(), difference) < 1e3, tensor
            assert difference > 0.02 * values.std(), tensor


def test_weights_depend_on_seed_and_name_only():
    again, other = models.build("alexnet", 0.125, 99), models.build("alexnet", 0.125, 99, seed=1)
    model = models.build("alexnet", 0.125, 99)
    assert model == again
    assert model.graph.initializer[0].raw_data != other.graph.initializer[0].raw_data
    assert len({i.raw_data for i in model.graph.initializer}) == len(model.graph.initializer)


def test_bad_requests_are_refused():
    with pytest.raises(InputError, match="'alexnett' is not built in: known are digits"):
        models.build("alexnett")
    with pytest.raises(InputError, match="alexnet: the input size 30 is too small: pool2"):
        models.build("alexnet", size=30)
    with pytest.raises(InputError, match="width 0"):
        models.build("alexnet", width=0)


@pytest.mark.parametrize(
    "size, kernel, stride, pad, ceil",
    [
        (196, 6, 4, 0, True),
        (45, 3, 2, 0, True),
        (13, 3, 2, 0, False),
        (112, 3, 2, 1, True),
        (7, 2, 2, 1, True),
        (5, 1, 3, 0, True),
    ],
)
def test_pool_size_equals_onnxruntime(size, kernel, stride, pad, ceil):
    builder = Builder("pool", 1, size)
    model = onnx_model(builder, builder.max_pool("pool", "input", kernel, stride, pad, ceil))
    result = every_tensor(model, {"input": np.zeros((1, 1, size, size), np.float32)})["pool"]
    assert result.shape[2] == pool_size(size, kernel, stride, pad, pad, ceil)
