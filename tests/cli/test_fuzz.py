"""Random changes to a valid ONNX file: it is taken or refused in one line, whatever they are.
$HWCNN_FUZZ of them instead of 40.
"""

import os
import random

import nets
import onnx
import pytest

COUNT = int(os.environ.get("HWCNN_FUZZ", 40))
SIZES = (-1, 0, 1, 2, 7, 255, 100_000, 1 << 31, 1 << 40, (1 << 62) + 1, -1 << 63)
OPERATORS = (
    "Conv",
    "Relu",
    "Gemm",
    "Softmax",
    "Cat",
    "",
    "Add",
    "LRN",
    "Reshape",
    "Transpose",
    "Concat",
    "BatchNormalization",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return nets.small(tmp_path_factory.mktemp("whole") / "net.onnx", (1, 3, 6, 6)).read_bytes()


def truncated(data, rng):
    return data[: rng.randrange(len(data))]


def overwritten(data, rng):
    """One to eight bytes, at the beginning (where nodes are) or anywhere (most are weights)."""
    changed, end = bytearray(data), rng.choice((len(data), 500))
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(end)] = rng.randrange(256)
    return bytes(changed)


def _attributes(graph, rng):
    node = rng.choice([n for n in graph.node if n.attribute])
    attribute = rng.choice(node.attribute)
    if rng.random() < 0.3:
        node.attribute.remove(attribute)
    elif rng.random() < 0.3:
        attribute.ints.append(rng.choice(SIZES))
    elif attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(SIZES)


def _operator(graph, rng):
    rng.choice(graph.node).op_type = rng.choice(OPERATORS)


def _weight(graph, rng):
    weight = rng.choice(graph.initializer)
    if rng.random() < 0.5:
        weight.dims[rng.randrange(len(weight.dims))] = rng.choice(SIZES)
    else:
        weight.data_type = rng.randrange(24)


def _edge(graph, rng):
    node = rng.choice(graph.node)
    names = ["", "nowhere", *(o for n in graph.node for o in n.output)]
    if rng.random() < 0.5:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)
    else:
        node.output[0] = rng.choice(names)


def _shape(graph, rng):
    kind = rng.choice([*graph.input, *graph.output]).type.tensor_type
    where = rng.randrange(4)
    if rng.random() < 0.3:
        kind.elem_type = rng.randrange(24)
    elif rng.random() < 0.3:
        del kind.shape.dim[where]
    else:
        kind.shape.dim[where].dim_value = rng.choice(SIZES)


def rewritten(data, rng):
    """One or two of the model's parts take values that mean nothing, or something else."""
    model = onnx.ModelProto.FromString(data)
    for _ in range(rng.randint(1, 2)):
        rng.choice((_attributes, _operator, _weight, _edge, _shape))(model.graph, rng)
    return model.SerializeToString()


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_changed_file_is_taken_or_refused(hwcnn, tmp_path, whole, seed):
    rng = random.Random(seed)
    (tmp_path / "net.onnx").write_bytes(
        rng.choice((truncated, overwritten, rewritten, rewritten))(whole, rng)
    )
    outcome = hwcnn("generate", "--model", "net.onnx", "--pe", "8x8", "--out", "out", "--json")
    assert outcome.code in (0, 2), outcome.err
    lines = outcome.err.strip().splitlines()
    assert all(line.startswith("hwcnn: ") for line in lines)
    wrong = [line for line in lines if not line.startswith("hwcnn: note: ")]
    assert len(wrong) == (outcome.code == 2), outcome.err
