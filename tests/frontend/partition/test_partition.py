"""Networks of which the accelerator runs only parts: what goes where, and that the parts together
give what onnxruntime gives of the whole quantised model.
"""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwcnn import golden
from hwcnn.errors import InputError, Note
from hwcnn.frontend.importer.refusals import Refused
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.model.session import session
from hwcnn.frontend.partition.network import Quantisation, partition

node = helper.make_node


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
            n: golden.quantise_input(graph, n, given[n]).reshape(graph.tensors[n].shape)
            for n in graph.inputs
        }
        values |= golden.host_outputs(graph, golden.run(graph, inputs))
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


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
CONV = node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1])
W = {"w": weights(8, 3, 3, 3), "v": weights(8, 8, 3, 3, seed=1), "axis": np.array(2)}


def test_the_end_is_the_hosts():
    nodes = [
        *(CONV, node("Relu", ["a"], ["b"]), node("Reshape", ["b", "s"], ["c"])),
        *(node("Transpose", ["c"], ["d"], perm=[0, 2, 1]), node("TopK", ["d", "k"], ["y", "i"])),
    ]
    constants = W | {"s": np.array([1, 8, -1]), "k": np.array([5])}
    net = model(nodes, constants, {"y": (3, FLOAT), "i": (3, INT64)}, x=(1, 3, 6, 6))
    turns, reasons = split(net)
    assert turns == ["A: a b", "H: c d y"]
    assert reasons["c"] == reasons["d"] == "data movement for the host"
    assert "integers" in reasons["y"]


def test_the_beginning_is_the_hosts():
    nodes = [node("CumSum", ["x", "axis"], ["s"]), node("Conv", ["s", "w"], ["y"])]
    turns, reasons = split(model(nodes, W, {"y": (4, FLOAT)}, x=(1, 3, 6, 6)))
    assert turns == ["H: s", "A: y"]
    assert reasons == {"s": "the accelerator has no such operator"}


def island(**outputs):
    """conv, ReLU, an island, conv, a residual from before the island, softmax."""
    nodes = [
        *(CONV, node("Relu", ["a"], ["b"]), node("CumSum", ["b", "axis"], ["c"])),
        node("Conv", ["c", "v"], ["d"], pads=[1, 1, 1, 1]),
        *(node("Add", ["d", "b"], ["e"]), node("Relu", ["e"], ["f"])),
        node("Softmax", ["f"], ["p"], axis=1),
    ]
    return model(nodes, W, dict.fromkeys(outputs, (4, FLOAT)), x=(1, 3, 6, 6))


@pytest.mark.parametrize("outputs", ["p", "pb", "pfbc", "fc"])
def test_an_island_and_outputs_that_are_read_inside(outputs):
    turns, reasons = split(island(**dict.fromkeys(outputs)))
    assert turns[:3] == ["A: a b", "H: c", "A: d e f"]
    assert list(reasons) == (["c", "p"] if "p" in outputs else ["c"])


def test_attention():
    names = ["q", "k", "v"]
    convs = [node("Conv", ["x", f"w{n}"], [n]) for n in names]
    flat = [node("Reshape", [n, "s"], [f"{n}2"]) for n in names]
    nodes = [
        *convs,
        *flat,
        node("Transpose", ["q2"], ["q3"], perm=[0, 2, 1]),
        node("MatMul", ["q3", "k2"], ["scores"]),
        node("Softmax", ["scores"], ["weights"], axis=-1),
        node("Transpose", ["weights"], ["turned"], perm=[0, 2, 1]),
        node("MatMul", ["v2", "turned"], ["mixed"]),
        node("Reshape", ["mixed", "s4"], ["map"]),
        *(node("Conv", ["map", "wo"], ["out"]), node("Add", ["out", "x"], ["y"])),
    ]
    constants = {f"w{n}": weights(8, 8, 1, 1, seed=i) for i, n in enumerate([*names, "o"])}
    constants |= {"s": np.array([1, 8, 36]), "s4": np.array([1, 8, 6, 6])}
    with pytest.warns(Note, match=r"scores, mixed \(MatMul\): its weights are computed"):
        turns, _ = split(model(nodes, constants, {"y": (4, FLOAT)}, x=(1, 8, 6, 6)))
    assert turns == [
        "A: q k v",
        "H: q2 k2 v2 q3 scores weights turned mixed map",
        "A: out y",
    ]


def trunk(*tail, **outputs):
    nodes = [CONV, node("Relu", ["a"], ["b"]), node("Conv", ["b", "v"], ["c"]), *tail]
    return model(nodes, W, outputs or {"c": (4, FLOAT)}, x=(1, 3, 6, 6))


def test_a_cut():
    with pytest.warns(Note, match=r"c \(Conv\): it is behind a cut"):
        turns, reasons = split(trunk(), cut=["b"])
    assert turns == ["A: a b", "H: c"]
    assert reasons == {"c": "it is behind a cut"}


@pytest.mark.parametrize(
    "cut, message",
    [
        (["bb"], "cut 'bb': the network has no such value once it is cleaned up: did you mean b"),
        (["x"], "cut: nothing worth a run of the accelerator is before it"),
        (["c"], "cut 'c': nothing is behind it"),
    ],
)
def test_a_bad_cut(cut, message):
    with pytest.raises(InputError, match=f"^{message}"):
        partition(trunk(), cut=cut)


def test_without_a_host_all_is_refused_in_groups():
    tail = [node("CumSum", [f"c{i}" if i else "c", "axis"], [f"c{i + 1}"]) for i in range(9)]
    net = trunk(*tail, c9=(4, FLOAT))
    with pytest.raises(Refused, match=r"^9 .*: c1, c2, c3 and 6 more \(CumSum\): the acc") as e:
        partition(net, host=False)
    assert [r.node for r in e.value.refusals] == [f"c{i + 1}" for i in range(9)]


def test_a_network_without_work_for_the_accelerator_is_refused():
    nodes = [node("CumSum", ["x", "axis"], ["y"])]
    with pytest.raises(Refused, match=r"y \(CumSum\): the accelerator has no such operator"):
        partition(model(nodes, W, {"y": (4, FLOAT)}, x=(1, 3, 6, 6)))


def test_a_network_that_runs_whole_is_not_split():
    network = partition(trunk())
    assert [part.on_host for part in network.parts] == [False]
    assert network.parts[0].model is network.quantised
    assert network.host == []
