"""Networks that ship with hwcnn, by name: published topologies with seeded weights, and `digits`, trained."""

from hwcnn.errors import InputError

from .alexnet import alexnet
from .builder import Builder
from .info import CAFFE, ModelInfo, Preprocess

__all__ = ["ModelInfo", "Preprocess", "build", "info", "names"]

_MODELS = {m.name: m for m in (
    ModelInfo("alexnet", "AlexNet (2012): groups, LRN, 61.0 M parameters", 227, CAFFE, alexnet),
)}


def names():
    """The names of all built-in networks."""
    return list(_MODELS)


def info(name):
    """The ModelInfo of a network; raises InputError for an unknown name."""
    if name not in _MODELS:
        raise InputError(f"model {name!r} is not built in: known are {', '.join(names())}; or give the path of an .onnx file")
    return _MODELS[name]


def build(name, width=1.0, size=None, seed=0):
    """The network as a float onnx.ModelProto, batch 1, input ``input`` [1, C, size, size].

    width : multiplier of the channels; size : input height and width instead of the network's own; seed : of the weights.
    Raises InputError for an unknown name, or where the network cannot be built at that width or size.
    """
    model = info(name)
    size = model.size if size is None else size
    if width <= 0 or size < 1:
        raise InputError(f"model {name}: width {width} and size {size}: expected positive numbers")
    builder = Builder(name, model.channels, size, width, seed)
    return builder.model(model.layers(builder, "input"))
