"""A built-in network as an ONNX model."""

import onnx

from hwcnn.errors import InputError

from .builder import Builder
from .catalogue import info
from .onnx_model import onnx_model
from .shapes import pair


def build(
    name: str, width: float = 1.0, size: int | tuple[int, int] | None = None, seed: int = 0
) -> onnx.ModelProto:
    """The network in float, batch 1, input ``input`` [1, C, H, W].

    width : multiplier of the channels; size : input height and width, or both in one, instead of
    the network's own; seed : of the weights. A trained network has only its own width and size.

    Raises InputError for an unknown name, or where the network cannot be built at that width or
    size.
    """
    model = info(name)
    size = model.size if size is None else size
    if width <= 0 or min(pair(size)) < 1:
        raise InputError(f"model {name}: width {width} and size {size}: expected positive numbers")
    if model.file:
        if (width, size) != (1, model.size):
            raise InputError(
                f"model {name} is trained: its width is 1 and its size {model.size}, "
                f"not {width} and {size}"
            )
        return onnx.load(model.file)
    builder = Builder(name, model.channels, size, width, seed)
    return onnx_model(builder, model.layers(builder, "input"))
