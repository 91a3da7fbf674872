"""Which nodes go to the host, and that the parts of a network together give what onnxruntime gives
of the whole quantised model.
"""

import numpy as np
import pytest
from parts import CONV, FLOAT, INT64, W, model, node, split, weights

from hwcnn.errors import InputError, Note
from hwcnn.frontend.importer.refusals import Refused
from hwcnn.frontend.partition.network import partition


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
    assert reasons["y"] == "the accelerator has no such operator"


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


def test_a_layer_between_others_that_turn_the_map():
    """A * X * W: nodes of a graph become channels, and features again."""
    nodes = [
        node("Conv", ["x", "f"], ["xw"]),
        node("Transpose", ["xw"], ["turned"], perm=[0, 2, 3, 1]),
        node("Conv", ["turned", "a"], ["axw"]),
        node("Relu", ["axw"], ["r"]),
        node("Transpose", ["r"], ["back"], perm=[0, 3, 1, 2]),
        node("Conv", ["back", "g"], ["y"]),
    ]
    constants = {"f": weights(8, 6, 1, 1), "a": weights(20, 20, 1, 1), "g": weights(4, 8, 1, 1)}
    net = model(nodes, constants, {"y": (4, FLOAT)}, x=(1, 6, 20, 1))
    turns, reasons = split(net)
    assert turns == ["A: xw", "H: turned", "A: axw r", "H: back", "A: y"]
    assert set(reasons) == {"turned", "back"}
