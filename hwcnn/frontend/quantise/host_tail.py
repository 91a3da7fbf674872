"""The float end of a network, which the host runs: softmax and what follows it."""

import onnx

#: Operators that start it: on the accelerator they would cost accuracy and gain nothing.
HOST_OPERATORS = {"Softmax", "LogSoftmax", "ArgMax"}


def host_tail(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes of `HOST_OPERATORS`, and all that follow them, in order."""
    late: set[str] = set()
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type in HOST_OPERATORS or any(i in late for i in node.input):
            late |= set(node.output)
            nodes.append(node)
    return nodes
