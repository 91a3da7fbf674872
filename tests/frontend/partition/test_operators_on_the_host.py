"""Operators that only the host has, in the places where networks have them."""

import numpy as np
import pytest
from onnx import helper
from parts import CONV, FLOAT, INT64, W, model, node, split, weights

TRUNK = [CONV, node("Relu", ["a"], ["b"])]
X = (1, 3, 6, 6)


def test_boxes_and_their_suppression():
    """Detections of which nobody knows how many there are."""
    nodes = [
        *TRUNK,
        *(node("Conv", ["b", "bw"], ["map"]), node("Conv", ["b", "cw"], ["classes"])),
        node("Sigmoid", ["classes"], ["scores"]),
        *(node("Reshape", ["map", "s4"], ["flat"]), node("Reshape", ["scores", "s2"], ["p"])),
        node("Transpose", ["flat"], ["boxes"], perm=[0, 2, 1]),
        node("NonMaxSuppression", ["boxes", "p", "most", "iou", "least"], ["chosen"]),
        node("Gather", ["chosen", "last"], ["index"], axis=1),
        node("Gather", ["boxes", "index"], ["y"], axis=1),
    ]
    constants = W | dict(
        bw=weights(4, 8, 1, 1),
        cw=weights(2, 8, 1, 1),
        s4=np.array([1, 4, -1]),
        s2=np.array([1, 2, -1]),
        most=np.array([5]),
        iou=np.array([0.5], np.float32),
        least=np.array([0.2], np.float32),
        last=np.array([2]),
    )
    turns, _ = split(model(nodes, constants, {"y": (4, FLOAT), "chosen": (2, INT64)}, x=X))
    assert turns == ["A: a b map classes scores", "H: flat boxes p chosen index y"]


def test_a_text_reader():
    nodes = [
        *(
            *TRUNK,
            node("Reshape", ["b", "s"], ["c"]),
            node("Transpose", ["c"], ["d"], perm=[2, 0, 1]),
        ),
        node("LSTM", ["d", "lw", "lr"], ["h", "last"], hidden_size=16),
        *(node("Squeeze", ["last", "zero"], ["e"]), node("Gemm", ["e", "gw"], ["y"])),
    ]
    constants = W | dict(
        s=np.array([1, 8, 36]),
        lw=weights(1, 64, 8),
        lr=weights(1, 64, 16),
        zero=np.array([0]),
        gw=weights(16, 600),
    )
    with pytest.warns(match=r"h \(LSTM\): the accelerator has no such operator"):
        turns, _ = split(model(nodes, constants, {"y": (2, FLOAT)}, x=X))
    assert turns == ["A: a b", "H: c d h e", "A: y"]


def test_normalised_tokens():
    nodes = [
        node("Conv", ["x", "pw"], ["a"], strides=[2, 2]),
        *(node("Reshape", ["a", "s"], ["t"]), node("Transpose", ["t"], ["u"], perm=[0, 2, 1])),
        node("LayerNormalization", ["u", "g", "zero"], ["l"], axis=-1),
        *(node("ReduceMean", ["l"], ["m"], axes=[1], keepdims=0), node("Gemm", ["m", "gw"], ["y"])),
    ]
    constants = dict(
        pw=weights(16, 3, 2, 2),
        s=np.array([1, 16, -1]),
        g=np.ones(16, np.float32),
        zero=np.zeros(16, np.float32),
        gw=weights(16, 10),
    )
    turns, reasons = split(model(nodes, constants, {"y": (2, FLOAT)}, x=(1, 3, 8, 8)))
    assert turns[:2] == ["A: a", "H: t u l"]
    assert turns[2].startswith("A: ")
    assert reasons["t"] == "data movement for the host"


def test_positions_and_classes_of_pixels():
    nodes = [
        *(*TRUNK, node("ReduceMax", ["b"], ["m"], axes=[1], keepdims=0)),
        *(node("Greater", ["m", "t"], ["g"]), node("NonZero", ["g"], ["y"])),
        node("ArgMax", ["b"], ["z"], axis=1),
    ]
    outputs = {"y": (2, INT64), "z": (4, INT64), "b": (4, FLOAT)}
    turns, reasons = split(model(nodes, W | {"t": np.array(0.5, np.float32)}, outputs, x=X))
    assert turns == ["A: a b m", "H: z g y"]
    assert set(reasons) == {"z", "g", "y"}


@pytest.mark.parametrize(
    "island",
    [
        [node("GridSample", ["b", "grid"], ["c"])],
        [
            node("Reshape", ["b", "s5"], ["b5"]),
            node("CumSum", ["b5", "axis"], ["c5"]),
            node("Reshape", ["c5", "s4"], ["c"]),
        ],
        [node("Einsum", ["b", "turn"], ["c"], equation="nchw,cd->ndhw")],
    ],
    ids=["grid", "five dimensions", "einsum"],
)
def test_islands(island):
    constants = W | dict(
        grid=np.random.default_rng(0).random((1, 6, 6, 2), np.float32) * 2 - 1,
        s5=np.array([1, 2, 4, 6, 6]),
        s4=np.array([1, 8, 6, 6]),
        turn=weights(8, 8),
    )
    nodes = [*TRUNK, *island, node("Conv", ["c", "v"], ["y"])]
    turns, _ = split(model(nodes, constants, {"y": (4, FLOAT)}, x=X))
    assert turns == ["A: a b", f"H: {' '.join(n.output[0] for n in island)}", "A: y"]


def test_islands_all_along_the_way():
    nodes, x = [CONV], "a"
    for i in range(3):
        nodes += [
            node("CumSum", [x, "axis"], [f"c{i}"]),
            node("Conv", [f"c{i}", "v"], [f"d{i}"], pads=[1, 1, 1, 1]),
            *(node("Sigmoid", [f"d{i}"], [f"s{i}"]), node("Mul", [f"d{i}", f"s{i}"], [f"m{i}"])),
            node("Add", [f"m{i}", x], [f"e{i}"]),
        ]
        x = f"e{i}"
    turns, _ = split(model(nodes, W, {x: (4, FLOAT)}, x=X))
    expected = [f"{who}: {what}" for i in range(3) for who, what in _turns(i)]
    assert turns == ["A: a", *expected]


def _turns(i):
    return ("H", f"c{i}"), ("A", f"d{i} s{i} m{i} e{i}")


def test_what_the_host_gives_may_meet_what_the_accelerator_has():
    nodes = [
        *(*TRUNK, node("CumSum", ["b", "axis"], ["c"]), node("Concat", ["b", "c"], ["d"], axis=1)),
        node("Conv", ["d", "u"], ["y"]),
    ]
    net = model(nodes, W | {"u": weights(8, 16, 1, 1)}, {"y": (4, FLOAT)}, x=X)
    assert split(net)[0] == ["A: a b", "H: c", "A: d y"]


def test_two_inputs_of_which_one_is_the_hosts():
    nodes = [
        *(*TRUNK, node("CumSum", ["z", "one"], ["t"]), node("Unsqueeze", ["t", "axes"], ["u"])),
        *(node("Mul", ["b", "u"], ["m"]), node("Conv", ["m", "v"], ["y"])),
    ]
    constants = W | dict(one=np.array(1), axes=np.array([2, 3]))
    turns, _ = split(model(nodes, constants, {"y": (4, FLOAT)}, x=X, z=(1, 8)))
    assert turns == ["H: t u", "A: a b m y"]


def test_a_normalised_input_that_the_host_reads_too():
    nodes = [
        *(node("Sub", ["x", "mean"], ["s"]), node("Conv", ["s", "w"], ["y"])),
        *(node("CumSum", ["s", "axis"], ["q"]), node("ReduceMean", ["q"], ["z"], axes=[2, 3])),
    ]
    constants = W | {"mean": weights(1, 3, 1, 1)}
    turns, _ = split(model(nodes, constants, {"y": (4, FLOAT), "z": (4, FLOAT)}, x=X))
    assert [turn[0] for turn in turns] == ["A", "H"]


def test_outputs_that_are_constants_or_inputs():
    nodes = [
        *(*TRUNK, node("CumSum", ["b", "axis"], ["y"])),
        *(node("Identity", ["x"], ["same"]), node("Add", ["w", "w"], ["twice"])),
    ]
    outputs = dict.fromkeys(("y", "same", "twice"), (4, FLOAT))
    turns, _ = split(model(nodes, W, outputs, x=X))
    assert turns == ["A: a b", "H: same y"]


def test_a_subgraph_that_reads_what_is_outside_of_it():
    branches = {
        "then_branch": node("CumSum", ["b", "axis"], ["t"]),
        "else_branch": node("Relu", ["b"], ["e"]),
    }
    graphs = {
        name: helper.make_graph(
            [inner], name, [], [helper.make_tensor_value_info(inner.output[0], FLOAT, None)]
        )
        for name, inner in branches.items()
    }
    nodes = [
        *(
            *TRUNK,
            node("ReduceMax", ["b"], ["m"], keepdims=0),
            node("Greater", ["m", "least"], ["g"]),
        ),
        *(node("If", ["g"], ["c"], **graphs), node("Conv", ["c", "v"], ["y"])),
    ]
    net = model(nodes, W | {"least": np.array(0.1, np.float32)}, {"y": (4, FLOAT)}, x=X)
    assert split(net)[0] == ["A: a b", "H: m g c", "A: y"]


def test_values_that_skip_several_steps():
    nodes = [
        *(*TRUNK, node("CumSum", ["b", "axis"], ["c"])),
        *(node("Conv", ["c", "v"], ["d"], pads=[1, 1, 1, 1]), node("CumSum", ["d", "axis"], ["e"])),
        *(node("Conv", ["e", "v"], ["f"], pads=[1, 1, 1, 1]), node("Add", ["f", "b"], ["g"])),
        *(node("Mul", ["g", "d"], ["h"]), node("Conv", ["h", "v"], ["y"])),
    ]
    turns, _ = split(model(nodes, W, {"y": (4, FLOAT)}, x=X))
    assert turns == ["A: a b", "H: c", "A: d", "H: e", "A: f g h y"]
