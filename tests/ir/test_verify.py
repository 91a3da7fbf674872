"""`Graph.verify`: a graph of every operation passes, and each violation is found and named."""

import dataclasses

import numpy as np
import pytest

from hwcnn import ir

N, C, H, W = 2, 4, 6, 5
ONES, SHIFTS = np.ones(C, np.int64), np.full(C, 3, np.int64)


def tensor(name, shape=(N, C, H, W), zero=3):
    return ir.Tensor(name, shape, 0.5, zero)


def conv(**changes):
    weight, bias = np.ones((C, C, 3, 3), np.int8), np.zeros(C, np.int32)
    op = ir.Conv("conv", "x", "c", weight, bias, ONES, SHIFTS, 3, pads=(1, 1, 1, 1), pad_value=3)
    return dataclasses.replace(op, **changes)


def second(**changes):
    return dataclasses.replace(ir.Second("x", 5, -5, 7, 4, 3), **changes)


def taps(size, results):
    """Each result the mean of two neighbours: (index, weight) of one axis."""
    first = np.minimum(np.arange(results), size - 2)
    return np.stack([first, first + 1], 1), np.ones((results, 2), np.int64)


def network():
    """Every operation once, the residual of a convolution too."""
    weight = np.ones((C, 1, 3, 3), np.int8)
    half = np.ones((C, C // 2, 2, 2), np.int8)
    table = np.arange(1024, dtype=np.int64)
    averages = {4: (5, 3)}
    ops = [
        conv(),
        conv(name="residual", x="c", y="r", second=second()),
        ir.ConvTranspose(
            "up", "r", "u", half, np.zeros(C, np.int32), ONES, SHIFTS, 3, 3, stride=(2, 2), groups=2
        ),
        ir.Resize("resize", "r", "s", taps(H, 8), taps(W, 9), 5, 3, 3, 3),
        ir.Pool("max", "u", "m", "max", (2, 2), (2, 2), (0, 0, 0, 0), {0: (1, 0)}, 3, 3),
        ir.Pool("mean", "u", "a", "average", (2, 2), (2, 2), (0, 0, 0, 0), averages, 3, 3),
        ir.Eltwise("add", "m", "a", "e", "add", -3, -3, 9, -9, 1, 2, 3),
        ir.Affine("affine", "e", "f", -ONES, ONES, SHIFTS, 3),
        ir.Depthwise(
            "depthwise", "f", "d", weight, ONES, ONES, SHIFTS, 3, pads=(1, 1, 1, 1), pad_value=3
        ),
        ir.Lut("lut", "d", "l", np.arange(-128, 128).astype(np.int8)),
        ir.Lrn("lrn", "l", "n", 5, table, 12, 3, 3),
        ir.Concat("concat", ("n", "m"), "y"),
    ]
    shapes = {"u": (N, C, 2 * H, 2 * W), "s": (N, C, 8, 9), "y": (N, 2 * C, H, W)}
    names = ["x", *(op.y for op in ops)]
    tensors = {name: tensor(name, shapes.get(name, (N, C, H, W))) for name in names}
    host = [ir.HostOp("softmax", "Softmax", "y", "p", {"axis": 1})]
    outputs = [("p", (N, 2 * C, H, W)), ("s", (N, C, 8, 9))]
    return ir.Graph("net", tensors, ops, ["x"], ["y", "s"], host, outputs)


def changed(name, **changes):
    """The network with fields of the operation of that name replaced."""
    graph = network()
    assert name in [op.name for op in graph.ops]
    graph.ops = [dataclasses.replace(op, **changes) if op.name == name else op for op in graph.ops]
    return graph


def test_a_consistent_graph_passes():
    graph = network()
    assert graph.verify() is graph


def index(value, results=8):
    first, weight = taps(H, results)
    first[0, 0] = value
    return first, weight


def mantissas(value):
    return np.array([1, 1, 1, value])


@pytest.mark.parametrize(
    "name,changes,message",
    [
        ("conv", {"weight": np.ones((C, C + 1, 3, 3), np.int8)}, "weights for 5 channels"),
        ("conv", {"weight": np.ones((C, C, 3, 3), np.int64)}, "weight is int64"),
        ("conv", {"weight": np.ones((C, C, 3), np.int8)}, "weight is int8"),
        ("conv", {"groups": 3, "weight": np.ones((C, 2, 3, 3), np.int8)}, "weights for 6"),
        ("conv", {"weight": np.ones((C, C, 9, 9), np.int8)}, "larger than the padded map"),
        ("conv", {"weight": np.ones((C, C, 5, 5), np.int8)}, r"computes \[2, 4, 4, 3\]"),
        ("conv", {"pads": (1, 1, 0, 1)}, r"computes \[2, 4, 5, 5\]"),
        ("conv", {"stride": (2, 1)}, r"computes \[2, 4, 3, 5\]"),
        ("conv", {"stride": (0, 1)}, "stride"),
        ("conv", {"dilation": (0, 1)}, "dilation"),
        ("conv", {"bias": np.zeros(C + 1, np.int32)}, "bias is"),
        ("conv", {"bias": np.full(C, 1 << 31)}, "bias = 2147483648"),
        ("conv", {"bias": np.zeros(C)}, "bias is float64"),
        ("conv", {"mantissa": mantissas(1 << 17)}, "mantissa = 131072"),
        ("conv", {"mantissa": mantissas(-1)}, "mantissa = -1"),
        ("conv", {"mantissa": ONES[:2]}, "mantissa is"),
        ("conv", {"shift": np.full(C, 49)}, "shift = 49"),
        ("conv", {"shift": np.full(C, -1)}, "shift = -1"),
        ("conv", {"pad_value": 128}, "pad_value = 128"),
        ("conv", {"zero": 4}, "zero = 4"),
        ("conv", {"low": -129}, "clamps"),
        ("conv", {"high": 128}, "clamps"),
        ("conv", {"low": 5, "high": 4}, "clamps"),
        ("residual", {"second": second(ma=1 << 17)}, "ma = 131072"),
        ("residual", {"second": second(mb=-(1 << 17) - 1)}, "mb = -131073"),
        ("residual", {"second": second(c=1 << 31)}, "c = 2147483648"),
        ("residual", {"second": second(shift=49)}, "shift = 49"),
        ("residual", {"second": second(zero=0)}, "zero of the second stage = 0"),
        ("residual", {"second": second(high=200)}, "clamps"),
        ("residual", {"zero": 128}, "zero = 128"),
        ("up", {"weight": np.ones((C + 2, 2, 2, 2), np.int8)}, "weights for 6 channels"),
        ("up", {"weight": np.ones((C, 3, 2, 2), np.int8)}, "bias is"),
        ("depthwise", {"weight": np.ones((C, 2, 3, 3), np.int8)}, "weight is int8"),
        ("depthwise", {"weight": np.ones((C + 1, 1, 3, 3), np.int8)}, "weight is int8"),
        ("depthwise", {"c": np.full(C, 1 << 39)}, "c = 549755813888"),
        ("depthwise", {"mantissa": mantissas(1 << 17)}, "mantissa = 131072"),
        ("depthwise", {"stride": (2, 1)}, r"computes \[2, 4, 3, 5\]"),
        ("depthwise", {"zero": 4}, "zero = 4"),
        ("up", {"groups": 3}, "do not fit 3 groups"),
        ("up", {"stride": (2, 0)}, "stride"),
        ("up", {"x_zero": 0}, "x_zero = 0"),
        ("resize", {"rows": taps(H, 7)}, "rows is"),
        ("resize", {"rows": index(H)}, "index of rows = 6"),
        ("resize", {"cols": index(-1, 9)}, "index of cols = -1"),
        ("resize", {"rows": (taps(H, 8)[0], np.full((8, 2), 1017))}, "weight of rows = 1017"),
        ("resize", {"rows": (taps(H, 8)[0], np.full((8, 2), -1))}, "weight of rows = -1"),
        (
            "resize",
            {
                "rows": (taps(H, 8)[0], np.full((8, 2), 40)),
                "cols": (taps(W, 9)[0], np.full((9, 2), 40)),
            },
            "product of weights is 1600",
        ),
        ("resize", {"mantissa": 1 << 17}, "mantissa = 131072"),
        ("max", {"kind": "median"}, "kind 'median'"),
        ("max", {"multipliers": {}}, "no multiplier"),
        ("max", {"kernel": (0, 2)}, "kernel"),
        ("max", {"stride": (3, 2)}, "starts beyond"),
        ("max", {"pads": (-1, 0, 0, 0)}, "pads = -1"),
        ("mean", {"multipliers": {1: (5, 3)}}, "windows of 4 taps"),
        ("mean", {"pads": (1, 0, 0, 0)}, "windows of 2 taps"),
        ("mean", {"multipliers": {4: (5, 60)}}, "shift = 60"),
        ("mean", {"multipliers": {4: (1 << 17, 3)}}, "mantissa = 131072"),
        ("mean", {"x_zero": 1}, "x_zero = 1"),
        ("add", {"kind": "div"}, "kind 'div'"),
        ("add", {"b": "s"}, "does not broadcast"),
        ("add", {"ma": 1 << 17}, "ma = 131072"),
        ("add", {"mb": -(1 << 17) - 1}, "mb = -131073"),
        ("add", {"c": -(1 << 31) - 1}, "c = -2147483649"),
        ("add", {"ca": 129}, "ca = 129"),
        ("add", {"cb": 0}, "-cb = 0"),
        ("add", {"shift": 49}, "shift = 49"),
        ("affine", {"mantissa": mantissas(1 << 17)}, "mantissa = 131072"),
        ("affine", {"c": np.full(C, 1 << 31)}, "c = 2147483648"),
        ("affine", {"c": np.zeros(1, np.int64)}, "c is"),
        ("affine", {"shift": np.full(C, 49)}, "shift = 49"),
        ("lut", {"table": np.zeros(255, np.int8)}, "table is"),
        ("lut", {"table": np.full(256, 200)}, "table = 200"),
        ("lrn", {"size": 4}, "size 4"),
        ("lrn", {"size": 7}, "size 7"),
        ("lrn", {"table": np.zeros(1000, np.int64)}, "table is"),
        ("lrn", {"table": np.full(1024, 1 << 17)}, "table = 131072"),
        ("concat", {"xs": ("n",)}, r"computes \[2, 4, 6, 5\]"),
        ("concat", {"xs": ("n", "s")}, "computes"),
        ("concat", {"xs": ()}, "no operands"),
        ("lut", {"x": "m2"}, "input 'm2' is not defined before it"),
        ("conv", {"x": "l"}, "input 'l' is not defined before it"),
        ("lut", {"y": "e"}, "'e' is defined twice"),
        ("lut", {"y": "q"}, "tensor 'q' has no entry"),
    ],
)
def test_a_violation_is_found_and_names_the_operation(name, changes, message):
    with pytest.raises(ValueError, match=f"^{name}.*{message}"):
        changed(name, **changes).verify()


@pytest.mark.parametrize("name", ["x", "c", "r", "u", "s", "m", "e", "f", "l", "n"])
def test_a_tensor_of_another_shape_is_found(name):
    """Whoever writes or reads it first is named."""
    graph = network()
    n, c, h, w = graph.tensors[name].shape
    graph.tensors[name] = tensor(name, (n, c + 1, h, w))
    users = {op.name for op in graph.ops if name in (op.y, *op.inputs)}
    with pytest.raises(ValueError, match=f"^({'|'.join(users)})"):
        graph.verify()


@pytest.mark.parametrize(
    "bad",
    [
        tensor("m", (N, C, 0, W)),
        tensor("m", (N, C, H)),
        tensor("m", zero=128),
        ir.Tensor("m", (N, C, H, W), 0.0, 3),
        ir.Tensor("m", (N, C, H, W), float("nan"), 3),
        ir.Tensor("m", (N, C, H, W), float("inf"), 3),
    ],
)
def test_a_bad_tensor_is_found(bad):
    graph = network()
    graph.tensors["m"] = bad
    with pytest.raises(ValueError, match="bad tensor .*'m'"):
        graph.verify()


def test_operands_of_a_concatenation_share_scale_and_zero_point():
    graph = network()
    graph.tensors["y"] = ir.Tensor("y", (N, 2 * C, H, W), 0.25, 3)
    with pytest.raises(ValueError, match="^concat: 'n' has another scale"):
        graph.verify()


def test_a_broadcast_second_operand_passes():
    graph = changed("add", b="g")
    whole = ir.Pool(
        "whole", "m", "g", "max", (H, W), (1, 1), (0, 0, 0, 0), {0: (1, 0)}, x_zero=3, zero=3
    )
    graph.ops.insert(6, whole)
    graph.tensors["g"] = tensor("g", (N, C, 1, 1))
    assert graph.verify() is graph


def test_ceil_mode_passes():
    """A last window that begins inside the map and ends beyond it."""
    graph = changed("max", kernel=(3, 2), stride=(2, 2))
    assert graph.verify() is graph


@pytest.mark.parametrize(
    "field,value,message",
    [
        ("inputs", ["x", "x"], "input 'x': 'x' is defined twice"),
        ("inputs", ["z"], "input 'z': tensor 'z' has no entry"),
        ("outputs", ["q"], "output 'q' is never computed"),
        ("host", [ir.HostOp("soft", "Softmax", "q", "p")], "soft: input 'q' is not defined"),
        ("host", [ir.HostOp("soft", "Softmax", "y", "p")] * 2, "soft: 'p' is defined twice"),
        ("onnx_outputs", [("p", (1, 2))], "2 outputs, but 1 of the ONNX model"),
    ],
)
def test_a_bad_list_is_found(field, value, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(network(), **{field: value}).verify()


def test_a_tensor_that_nothing_computes_is_found():
    graph = network()
    graph.tensors["q"] = tensor("q")
    with pytest.raises(ValueError, match="tensor 'q' is never computed"):
        graph.verify()


def test_a_tensor_under_another_name_is_found():
    graph = network()
    graph.tensors["m"] = tensor("q")
    with pytest.raises(ValueError, match="tensor 'm' calls itself 'q'"):
        graph.verify()


def test_the_order_of_operations_is_checked():
    graph = network()
    graph.ops.reverse()
    with pytest.raises(ValueError, match="^concat: input 'n' is not defined before it"):
        graph.verify()
