"""Small networks of which the accelerator runs only parts, and what their parts do together."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from hwcnn import golden
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.model.session import session
from hwcnn.frontend.partition.network import Quantisation, partition

node = helper.make_node
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def weights(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32) / np.sqrt(
        np.prod(shape[1:], dtype=np.float32)
    )


def model(nodes, constants, outputs, **inputs):
    """outputs : rank, or (rank, type), by name; inputs : shape by name."""
    described = [
        helper.make_tensor_value_info(name, kind, [f"{name}{i}" for i in range(rank)])
        for name, (rank, kind) in outputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        described,
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return normalise(made, "net")


def sample(net, seed=1):
    rng = np.random.default_rng(seed)
    return {
        i.name: rng.standard_normal([d.dim_value for d in i.type.tensor_type.shape.dim], np.float32)
        for i in net.graph.input
    }


def in_type(output, real, graph):
    """A value of a program as the model has it, where that is int8."""
    if output.type.tensor_type.elem_type == FLOAT:
        return real
    tensor = graph.tensors[graph.outputs[[n for n, _ in graph.onnx_outputs].index(output.name)]]
    return (np.rint(real / np.float32(tensor.scale)) + tensor.zero).astype(np.int8)


def run(network, feed):
    """The network's outputs, its programs run by golden, and the values between its steps."""
    values, graphs = dict(feed), iter(network.graphs)
    for part in network.parts:
        given = {name: values[value] for name, value in part.inputs.items()}
        names = [o.name for o in part.model.graph.output]
        if part.on_host:
            values |= dict(zip(names, session(part.model).run(names, given), strict=True))
            continue
        graph = next(graphs)
        inputs = {
            n: (x if x.dtype == np.int8 else golden.quantise_input(graph, n, x)).reshape(
                graph.tensors[n].shape
            )
            for n, x in given.items()
        }
        found = golden.host_outputs(graph, golden.run(graph, inputs))
        values |= {o.name: in_type(o, found[o.name], graph) for o in part.model.graph.output}
    return {o.name: values[o.name] for o in network.quantised.graph.output}


def split(net, **options):
    """(who runs what, as "A: a b" and "H: c", the reasons of the host's nodes). Asserts that the
    parts together do what onnxruntime does with the whole.
    """
    feed = sample(net)
    network = partition(net, Quantisation([feed]), **options)
    ours, theirs = run(network, feed), session(network.quantised).run(None, feed)
    for (name, value), expected in zip(ours.items(), theirs, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-6, err_msg=name)
    turns = [f"{'H' if p.on_host else 'A'}: {' '.join(p.nodes)}" for p in network.parts]
    return turns, {r.node: r.reason for r in network.host}


CONV = node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1])
W = {"w": weights(8, 3, 3, 3), "v": weights(8, 8, 3, 3, seed=1), "axis": np.array(2)}
