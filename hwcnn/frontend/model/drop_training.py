"""What only training needs: losses with their labels, the masks of Dropout, and statistics of the
batch. They are dropped, with a note on stderr.
"""

import warnings
from collections.abc import Iterable, Sequence

import onnx
from onnx import helper

from hwcnn.errors import InputError, Note

from .edit import replace

LOSSES = ("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")


def drop_training(model: onnx.ModelProto, source: str) -> None:
    """Take losses, what follows them, and inputs that only they read out of the model, in place.

    A BatchNormalization in training mode works as in inference. The scores that a loss reads become
    outputs where no other output is left. source : the model's name in messages. Raises InputError
    where nothing is left; warns with a `Note` of what was dropped. Losses: ONNX
    SoftmaxCrossEntropyLoss and NegativeLogLikelihoodLoss, opset 12-22.
    """
    graph = model.graph
    read = {name for n in graph.node for name in n.input} | {o.name for o in graph.output}
    _drop_masks(graph, read)
    _to_inference(graph, source, read)
    outputs = {o.name for o in graph.output}
    masks = [
        n.output[1]
        for n in graph.node
        if n.op_type == "Dropout" and len(n.output) > 1 and n.output[1] in outputs
    ]
    losses = [n for n in graph.node if n.op_type in LOSSES]
    if not losses and not masks:
        return
    nodes, gone = _without(graph.node, losses)
    nodes += [_log_softmax(n) for n in losses if len(n.output) > 1 and n.output[1]]
    kept = [o for o in graph.output if o.name not in gone | set(masks)]
    kept = kept or [
        helper.make_value_info(name, helper.make_tensor_type_proto(1, None))
        for name in dict.fromkeys(n.input[0] for n in losses)
    ]
    nodes = _live(nodes, {o.name for o in kept})
    if not nodes:
        raise InputError(
            f"{source}: nothing but a loss: expected the network that gives its scores"
        )
    replace(graph.node, nodes)
    replace(graph.output, kept)
    read = {name for n in nodes for name in n.input} | {o.name for o in kept}
    replace(graph.input, [i for i in graph.input if i.name in read])
    _drop_masks(graph, read)
    replace(graph.initializer, [i for i in graph.initializer if i.name in read])
    dropped = [
        *(f"{n.name or n.output[0]} ({n.op_type})" for n in losses),
        *(f"mask {name}" for name in masks),
    ]
    warnings.warn(
        f"{source}: left out, since only training needs it: {', '.join(dropped)}",
        Note,
        stacklevel=2,
    )


def _drop_masks(graph: onnx.GraphProto, read: set[str]) -> None:
    """Take the masks (of a MaxPool: the indices) that are not among the names in `read` off their
    Dropouts.
    """
    for node in graph.node:
        if (
            node.op_type in ("Dropout", "MaxPool")
            and len(node.output) > 1
            and node.output[1] not in read
        ):
            del node.output[1:]


def _to_inference(graph: onnx.GraphProto, source: str, read: set[str]) -> None:
    """Let BatchNormalizations in training mode (up to opset 13: those with further outputs) work
    with the statistics that they hold, where nothing reads those of the batch.
    """
    changed: list[str] = []
    for node in graph.node:
        if node.op_type != "BatchNormalization" or read.intersection(node.output[1:]):
            continue
        kept = [a for a in node.attribute if not (a.name == "training_mode" and a.i)]
        if len(node.output) > 1 or len(kept) < len(node.attribute):
            del node.output[1:]
            replace(node.attribute, kept)
            changed.append(node.name or node.output[0])
    if changed:
        more = f" and {len(changed) - 1} more" * (len(changed) > 1)
        warnings.warn(
            f"{source}: exported in training mode, taken for inference: {changed[0]} "
            f"(BatchNormalization){more}",
            Note,
            stacklevel=3,
        )


def _without(
    nodes: Iterable[onnx.NodeProto], losses: Sequence[onnx.NodeProto]
) -> tuple[list[onnx.NodeProto], set[str]]:
    """(nodes that neither are nor follow a loss, names of values that this leaves undefined)."""
    gone = {n.output[0] for n in losses}
    kept: list[onnx.NodeProto] = []
    for node in nodes:
        if node in losses or gone & set(node.input):
            gone |= set(node.output) if node not in losses else set()
        else:
            kept.append(node)
    return kept, gone


def _log_softmax(loss: onnx.NodeProto) -> onnx.NodeProto:
    """What gives the second output of a cross entropy: the logarithms of the classes'
    probabilities.
    """
    name = f"{loss.name or loss.output[0]}/log"
    return helper.make_node("LogSoftmax", [loss.input[0]], [loss.output[1]], name=name, axis=1)


def _live(nodes: Sequence[onnx.NodeProto], wanted: set[str]) -> list[onnx.NodeProto]:
    """The nodes that the wanted values need, in order."""
    kept: list[onnx.NodeProto] = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted = wanted | set(node.input)
    return kept[::-1]
