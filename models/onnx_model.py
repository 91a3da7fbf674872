"""A graph of the builder as an ONNX model."""

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper, numpy_helper

from .graph import Graph

OPSET, IR_VERSION = 17, 8


def onnx_model(graph: Graph, outputs: str | Sequence[str]) -> onnx.ModelProto:
    """The model with these outputs, of batch 1."""

    def info(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *graph.shapes[name]))

    names = [outputs] if isinstance(outputs, str) else outputs
    made = helper.make_graph(
        [
            helper.make_node(n.op_type, n.inputs, n.outputs, name=n.outputs[0], **n.attributes)
            for n in graph.nodes
        ],
        graph.name,
        [info(name) for name in graph.inputs],
        [info(name) for name in names],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    return helper.make_model(
        made,
        producer_name="hwcnn",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
