"""GroupNormalization as PyTorch writes it with older opsets, before onnxruntime writes it out in
its own way.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .edit import replace
from .onnx_index import OnnxIndex


def split_groups(model: onnx.ModelProto) -> None:
    """Replace, in place, every GroupNormalization (ONNX opset 21) by an InstanceNormalization of
    its groups and constants a channel. model : with all shapes inferred.
    """
    if not any(n.op_type == "GroupNormalization" for n in model.graph.node):
        return
    index, nodes = OnnxIndex(model.graph), list[onnx.NodeProto]()
    for node in model.graph.node:
        shape = index.shapes.get(node.input[0], ()) if node.op_type == "GroupNormalization" else ()
        nodes += [node] if len(shape) < 3 or 0 in shape else _split(model, node, shape)
    replace(model.graph.node, nodes)


def _split(
    model: onnx.ModelProto, node: onnx.NodeProto, shape: tuple[int, ...]
) -> list[onnx.NodeProto]:
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    groups, base = given["num_groups"], node.name or node.output[0]

    def constant(what: str, array: np.ndarray) -> str:
        tensor = numpy_helper.from_array(array, f"{base}/{what}")
        model.graph.initializer.append(tensor)
        return tensor.name

    by_channel = constant("channels", np.array([shape[1], *[1] * (len(shape) - 2)], np.int64))
    steps = [
        ("Reshape", [node.input[0], constant("split", np.array([0, groups, -1], np.int64))]),
        (
            "InstanceNormalization",
            [
                constant("ones", np.ones(groups, np.float32)),
                constant("zeros", np.zeros(groups, np.float32)),
            ],
        ),
        ("Reshape", [constant("whole", np.array(shape, np.int64))]),
        ("Mul", [f"{base}/scale"]),
        ("Add", [f"{base}/bias"]),
    ]
    made = [
        helper.make_node("Reshape", [name, by_channel], [f"{base}/{what}"], name=f"{base}/{what}")
        for name, what in zip(node.input[1:], ("scale", "bias"), strict=True)
    ]
    value: list[str] = []
    for i, (op, inputs) in enumerate(steps):
        name = f"{base}/{i}" if i + 1 < len(steps) else node.output[0]
        attributes = {"epsilon": given.get("epsilon", 1e-5)} if i == 1 else {}
        made.append(helper.make_node(op, value + inputs, [name], name=f"{base}/{i}", **attributes))
        value = [name]
    return made
