"""The built-in topologies: sizes as in the literature, shapes as onnxruntime infers them,
activations alive.
"""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hwcnn.models.builder import Builder
from hwcnn.models.shapes import pool_size
from small import SMALL

from hwcnn import models
from hwcnn.errors import InputError

#: Parameters in millions and GMACs of the full networks: papers, Caffe's and torchvision's model
#: tables; by hand for the last three, layer by layer. vgg16c is vgg13 and three 1x1 convolutions: 2
#: * 205.5 and 51.4 MMAC; densenet264: (c + 32*l) * 128 + 9*128*32 a pixel for layer l of a block
#: that starts with c channels, and the rest.
LITERATURE = {
    "alexnet": (60.965, 0.724),
    "vgg11": (132.863, 7.61),
    "vgg11-lrn": (132.863, 7.61),
    "vgg13": (133.048, 11.31),
    "vgg16c": (133.639, 11.31 + 0.4624),
    "vgg16": (138.358, 15.47),
    "vgg19": (143.667, 19.63),
    "googlenet": (7.0, 1.58),
    "squeezenet": (1.248, 0.82),
    "squeezenet1.1": (1.235, 0.35),
    "resnet18": (11.690, 1.81),
    "resnet34": (21.798, 3.66),
    "resnet50": (25.557, 4.09),
    "resnet101": (44.549, 7.80),
    "resnet152": (60.193, 11.51),
    "resnext50": (25.029, 4.23),
    "seresnet50": (28.088, 4.09),
    "mobilenet": (4.23, 0.569),
    "mobilenetv2": (3.505, 0.301),
    "densenet121": (7.979, 2.83),
    "densenet169": (14.149, 3.36),
    "densenet201": (20.014, 4.29),
    "densenet264": (33.3, 5.75),
    "digits": (0.033194, 0.003726208),
    "table64": (1.214014, 0.0391616),
    "table400": (6.015610, 1.5757),
}


def every_tensor(model, inputs):
    """All tensors by name, as onnxruntime computes them."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=node.output[0]) for node in model.graph.node)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


@pytest.mark.parametrize("name", models.names())
def test_parameters_and_macs_agree_with_the_literature(name):
    counter = models.Counter(models.info(name))
    parameters, macs = LITERATURE[name]
    assert counter.params == pytest.approx(parameters * 1e6, rel=0.002)
    assert counter.macs == pytest.approx(macs * 1e9, rel=0.005)


def test_alexnet_has_exactly_the_published_parameters():
    assert models.Counter(models.info("alexnet")).params == 60_965_224


@pytest.mark.parametrize("name", SMALL)
def test_small_version_runs_and_stays_alive(name):
    width, size = SMALL[name]
    info = models.info(name)
    builder = Builder(name, info.channels, size, width)
    model = builder.model(info.layers(builder, "input"))
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
    model = builder.model(builder.max_pool("pool", "input", kernel, stride, pad, ceil))
    result = every_tensor(model, {"input": np.zeros((1, 1, size, size), np.float32)})["pool"]
    assert result.shape[2] == pool_size(size, kernel, stride, pad, pad, ceil)
