"""The float end of a network, which the host runs: softmax and what follows it."""

#: Operators that start the tail: on the accelerator they would cost accuracy and gain nothing.
HOST_OPERATORS = {"Softmax", "LogSoftmax", "ArgMax"}


def host_tail(model):
    """The nodes at or after an operator of `HOST_OPERATORS` whose every descendant leads only to outputs."""
    late, nodes = set(), []
    for node in model.graph.node:
        if node.op_type in HOST_OPERATORS or any(i in late for i in node.input):
            late |= set(node.output)
            nodes.append(node)
    return nodes
