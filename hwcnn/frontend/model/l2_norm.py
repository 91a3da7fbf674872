"""Which divisions of a map by the root of the sum of its channels' squares can be written out."""

from collections.abc import Iterator

import numpy as np
import onnx

from .instance_norm import only_reader, scaled
from .onnx_index import OnnxIndex
from .written_norms import Norm

#: What may stand between the root and the division, as PyTorch's `normalize` has it: a small lower
#: bound, and the root repeated for all channels.
_BETWEEN = {"Clip", "Max", "Expand"}
_LARGEST_BOUND = 1e-6


def l2_norm(index: OnnxIndex, node: onnx.NodeProto) -> Norm | None:
    """What an LpNormalization (ONNX opset 1-22) of [N, C, L] or [N, C, H, W] with p = 2 over the
    channels does; None of others.
    """
    given = {a.name: a.i for a in node.attribute}
    if given.get("p", 2) != 2:
        return None
    return _norm(index, node.input[0], node.output[0], given.get("axis", -1))


def l2_quotient(index: OnnxIndex, node: onnx.NodeProto) -> Norm | None:
    """What a Div of a map by its ReduceL2 (ONNX opset 11-18) over the channels does; None of
    others.
    """
    chain = list(_chain(index, node.input[1]))
    if not chain or chain[-1].op_type != "ReduceL2" or chain[-1].input[0] != node.input[0]:
        return None
    root, gone = chain[-1], list[str]()
    axes = next((list(a.ints) for a in root.attribute if a.name == "axes"), None)
    if len(root.input) > 1 and root.input[1] in index.constants:
        axes = index.array(root.input[1]).reshape(-1).tolist()
    if axes is None or len(axes) != 1 or not all(_small_bound(index, n) for n in chain[:-1]):
        return None
    if any(a.name == "keepdims" and not a.i for a in root.attribute):
        return None
    for link in chain:
        if only_reader(index, link.output[0]) is None:
            break
        gone.append(link.name)
    return _norm(index, node.input[0], node.output[0], axes[0], tuple(gone))


def _chain(index: OnnxIndex, name: str) -> Iterator[onnx.NodeProto]:
    """The node that gives a value, and those before it up to the first of another kind than
    `_BETWEEN`.
    """
    while name in index.producers:
        node = index.producers[name]
        yield node
        if node.op_type not in _BETWEEN:
            return
        name = node.input[0]


def _small_bound(index: OnnxIndex, node: onnx.NodeProto) -> bool:
    """True of an Expand, and of a lower bound that is next to nothing."""
    if node.op_type == "Expand":
        return True
    names = [name for name in node.input[1:] if name]
    return (
        len(names) == 1
        and names[0] in index.constants
        and bool(np.all(index.array(names[0]) <= _LARGEST_BOUND))
    )


def _norm(
    index: OnnxIndex, source: str, result: str, axis: int, gone: tuple[str, ...] = ()
) -> Norm | None:
    shape = index.shapes.get(source, ())
    if len(shape) not in (3, 4) or axis % len(shape) != 1:
        return None
    scale = np.full(shape[1], shape[1] ** -0.5)
    bias = np.zeros(shape[1])
    norm = Norm(source, result, shape, scale, bias, "channels", centred=False, gone=gone)
    return scaled(index, norm)
