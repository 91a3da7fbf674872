"""Small ONNX models for tests of the command line, and changes to generated folders."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwcnn import artifact


def conv(name, x, y, cin, cout, kernel=3, pads=1, seed=0):
    """A convolution node and its weight."""
    weight = np.random.default_rng(seed).standard_normal(
        (cout, cin, kernel, kernel), np.float32
    ) / (kernel * cin**0.5)
    node = helper.make_node(
        "Conv", [x, f"{name}.w"], [y], name=name, pads=[pads] * 4, kernel_shape=[kernel] * 2
    )
    return node, numpy_helper.from_array(weight, f"{name}.w")


def model(nodes, initializers, shape=(1, 3, 12, 12), output="y"):
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", "c", "h", "w"])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def small(path, shape=(1, 3, 12, 12)):
    """conv, ReLU, max pool, conv."""
    a, wa = conv("first", "x", "a", shape[1], 20)
    b, wb = conv("second", "c", "y", 20, 9, seed=1)
    nodes = [
        a,
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("MaxPool", ["b"], ["c"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        b,
    ]
    onnx.save(model(nodes, [wa, wb], shape), path)
    return path


def depthwise(path):
    """conv to 20 channels, depthwise conv."""
    a, wa = conv("first", "x", "a", 3, 20)
    b, wb = conv("second", "a", "y", 1, 20, seed=1)
    b.attribute.append(helper.make_attribute("group", 20))
    onnx.save(model([a, b], [wa, wb]), path)
    return path


def unsupported(path):
    """Two operators that no accelerator of ours has."""
    a, w = conv("first", "x", "a", 3, 4)
    onnx.save(
        model(
            [
                a,
                helper.make_node("LpNormalization", ["a"], ["b"], name="strange", axis=3),
                helper.make_node("Hardmax", ["b"], ["y"], name="stranger", axis=3),
            ],
            [w],
        ),
        path,
    )
    return path


def too_wide(path):
    """A kernel whose rows do not fit into a small activation buffer."""
    a, w = conv("huge", "x", "y", 64, 8, kernel=31, pads=0)
    onnx.save(model([a], [w], (1, 64, 31, 600)), path)
    return path


def resealed(folder, name, change):
    """Change a file of a generated folder as if it had been generated so. change(bytes) : the new
    bytes.
    """
    manifest = artifact.Generated(folder).manifest
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != artifact.MANIFEST}
    artifact.write(folder, files | {name: change(files[name])}, manifest)
