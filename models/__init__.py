"""Networks that ship with hwcnn, by name: published topologies with seeded weights, and `digits`, trained."""

import onnx

from hwcnn.errors import InputError

from . import alexnet, digits, inputs
from .builder import Builder
from .info import CAFFE, GREY, ModelInfo, Preprocess

__all__ = ["ModelInfo", "Preprocess", "build", "info", "names", "samples"]

_MODELS = {m.name: m for m in (
    ModelInfo("digits", "handwritten digits, trained: 98.9 % of 1,000 held-out pictures", 28, GREY, digits.digits,
              digits.ONNX_FILE, digits.LABELS),
    ModelInfo("alexnet", "AlexNet (2012): groups, LRN, 61.0 M parameters", 227, CAFFE, alexnet.alexnet),
)}


def names():
    """The names of all built-in networks."""
    return list(_MODELS)


def info(name):
    """The ModelInfo of a network; raises InputError for an unknown name."""
    if name not in _MODELS:
        raise InputError(f"model {name!r} is not built in: known are {', '.join(names())}; or give the path of an "
                         ".onnx file")
    return _MODELS[name]


def build(name, width=1.0, size=None, seed=0):
    """The network as a float onnx.ModelProto, batch 1, input ``input`` [1, C, size, size].

    width : multiplier of the channels; size : input height and width instead of the network's own; seed : of the
    weights. A trained network has only its own width and size.
    Raises InputError for an unknown name, or where the network cannot be built at that width or size.
    """
    model = info(name)
    size = model.size if size is None else size
    if width <= 0 or size < 1:
        raise InputError(f"model {name}: width {width} and size {size}: expected positive numbers")
    if model.file:
        if (width, size) != (1, model.size):
            raise InputError(f"model {name} is trained: its width is 1 and its size {model.size}, "
                             f"not {width} and {size}")
        return onnx.load(model.file)
    builder = Builder(name, model.channels, size, width, seed)
    return builder.model(model.layers(builder, "input"))


def samples(name, count, seed=0, size=None):
    """`count` prepared inputs, float32 [1, C, size, size], for calibration and trials.

    They are training pictures for a trained network, seeded random pictures for the others.
    """
    return inputs.samples(info(name), count, seed, size)
