"""Every layer that the importer knows, as functions that add one to a `Net` with random parameters.

``LAYERS[name](net, pick, *xs)`` returns the values that it gives; `Invalid` says that it does not
go with its input.
"""

import math

import numpy as np

from .net import Invalid

LAYERS, OPERANDS = {}, {}
#: Lengths of kernels and strides, small ones more often.
KERNELS, KERNEL_WEIGHTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), (8, 5, 12, 2, 4, 1, 2, 1, 1, 1, 2)
STRIDES, STRIDE_WEIGHTS = (1, 2, 3, 4, 5, 7, 8, 9, 10), (12, 6, 3, 2, 1, 1, 1, 1, 1)
PADS, PAD_WEIGHTS = (0, 1, 2, 3, 4, 5, 9), (8, 8, 4, 2, 1, 1, 1)


def layer(*names, operands=1):
    """Register a layer; of several names, the function is told which."""

    def register(function):
        for name in names:
            OPERANDS[name] = operands
            LAYERS[name] = (
                function
                if len(names) == 1
                else lambda net, pick, *xs, name=name: function(net, pick, name, *xs)
            )
        return function

    return register


def spatial(net, x):
    """The sizes of a map's rows and columns (or columns alone). Raises Invalid where `x` is not a
    map.
    """
    shape = net.shapes[x]
    if len(shape) not in (3, 4):
        raise Invalid("not a map")
    return shape[2:]


def window(pick, dims, pads=PADS, dilations=(1, 2, 3), fits=True):
    """Attributes of a window over `dims` sizes. fits : it is not larger than the padded map."""
    kernel = [pick(f"kernel{i}", KERNELS, KERNEL_WEIGHTS) for i in range(len(dims))]
    if pick("whole", (False, True), (15, 1)):
        kernel = list(dims)
    strides = [pick(f"stride{i}", STRIDES, STRIDE_WEIGHTS) for i in range(len(dims))]
    before, after = (
        [pick(f"{side}{i}", pads, PAD_WEIGHTS[: len(pads)]) for i in range(len(dims))]
        for side in ("before", "after")
    )
    attributes = dict(kernel_shape=kernel, strides=strides, pads=before + after)
    dilation = [
        pick(f"dilation{i}", dilations, (8, 1, 1)[: len(dilations)]) for i in range(len(dims))
    ]
    if any(d > 1 for d in dilation):
        attributes["dilations"] = dilation
    auto = pick("auto_pad", ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"), (20, 1, 1, 1))
    if auto != "NOTSET":
        del attributes["pads"]
        attributes["auto_pad"] = auto
    if fits and not auto.startswith("SAME"):
        pads = attributes.get("pads", [0] * 2 * len(dims))
        room = [n + pads[i] + pads[i + len(dims)] for i, n in enumerate(dims)]
        if any((k - 1) * d + 1 > n for k, d, n in zip(kernel, dilation, room, strict=True)):
            # onnx infers a size all the same
            raise Invalid("its window is larger than the padded map")
    return attributes


def weights(net, shape, fan_in):
    """Random float weights that keep results near the size of the inputs."""
    return net.rng.standard_normal(shape) * math.sqrt(2 / max(fan_in, 1))


def channels(pick, name="channels"):
    """Odd ones, those at the sides of blocks, and a few."""
    return pick(
        name,
        (1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 21, 24, 31, 32, 33, 40, 63, 64, 65, 70),
        (2, 1, 3, 2, 2, 2, 3, 2, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 0.4, 0.4, 0.4, 0.3),
    )


def divisors(n):
    """All of them, rising."""
    return [d for d in range(1, n + 1) if n % d == 0]


@layer("conv")
def conv(net, pick, x):
    dims, c = spatial(net, x), net.shapes[x][1]
    attributes = window(pick, dims)
    kind = pick("kind", ("plain", "groups", "depthwise"), (6, 2, 2))
    groups = {"plain": 1, "groups": pick("groups", divisors(c)), "depthwise": c}[kind]
    out = channels(pick)
    out = (
        out
        if kind == "plain"
        else groups * pick("by_group", (1, 2, 3), (6, 2, 1))
        if kind == "depthwise"
        else groups * max(1, out // groups)
    )
    shape = out, c // groups, *attributes["kernel_shape"]
    w = weights(net, shape, math.prod(shape[1:]))
    if pick("sparse", (False, True), (9, 1)):
        w[net.rng.random(out) < 0.5] = 0
    bias = (
        [net.const(net.rng.standard_normal(out) * 0.1)]
        if pick("bias", (False, True), (1, 3))
        else []
    )
    return [net.node("Conv", [x, net.const(w), *bias], group=groups, **attributes)]


@layer("conv_transpose")
def conv_transpose(net, pick, x):
    dims, c = spatial(net, x), net.shapes[x][1]
    attributes = window(pick, dims, pads=(0, 1, 2, 3), dilations=(1, 2), fits=False)
    attributes["strides"] = [min(s, 4) for s in attributes["strides"]]
    groups = pick("groups", [1, *divisors(c)], [3] + [1] * len(divisors(c)))
    out = groups * max(1, channels(pick) // groups)
    if pick("output_padding", (False, True), (3, 1)):
        attributes["output_padding"] = [s - 1 for s in attributes["strides"]]
    shape = c, out // groups, *attributes["kernel_shape"]
    bias = [net.const(net.rng.standard_normal(out) * 0.1)] if pick("bias", (False, True)) else []
    return [
        net.node(
            "ConvTranspose",
            [x, net.const(weights(net, shape, c // groups)), *bias],
            group=groups,
            **attributes,
        )
    ]


@layer("gemm")
def gemm(net, pick, x):
    if len(net.shapes[x]) != 2:
        x = net.node("Flatten", [x], axis=1)
    k, out = net.shapes[x][1], channels(pick)
    transposed = pick("transB", (0, 1))
    w = net.const(weights(net, (out, k) if transposed else (k, out), k))
    bias = [net.const(net.rng.standard_normal(out) * 0.1)] if pick("bias", (False, True)) else []
    scaled = {"alpha": 0.5, "beta": 2.0} if pick("scaled", (False, True), (4, 1)) else {}
    return [net.node("Gemm", [x, w, *bias], transB=transposed, **scaled)]


@layer("matmul")
def matmul(net, pick, x):
    if len(net.shapes[x]) != 2:
        x = net.node("Reshape", [x, net.const([net.shapes[x][0], -1], np.int64)])
    k, out = net.shapes[x][1], channels(pick)
    return [net.node("MatMul", [x, net.const(weights(net, (k, out), k))])]


@layer("pixels")
def pixels(net, pick, x):
    """A product with a constant on the channels of every pixel, and maybe a bias."""
    rank, k, out = len(spatial(net, x)) + 2, net.shapes[x][1], channels(pick)
    last = [0, *range(2, rank), 1]
    y = net.node("Transpose", [x], perm=last)
    y = net.node("MatMul", [y, net.const(weights(net, (k, out), k))])
    if pick("bias", (False, True)):
        y = net.node("Add", [y, net.const(net.rng.standard_normal(out) * 0.1)])
    if pick("scaled", (False, True), (3, 1)):
        y = net.node("Mul", [y, net.const(net.rng.uniform(0.5, 2, out))])
    return [net.node("Transpose", [y], perm=[int(i) for i in np.argsort(last)])]


@layer("max_pool")
def max_pool(net, pick, x):
    attributes = window(pick, spatial(net, x))
    if "pads" in attributes:
        _limit_pads(attributes)
    return [net.node("MaxPool", [x], ceil_mode=pick("ceil", (0, 1), (3, 1)), **attributes)]


@layer("average_pool")
def average_pool(net, pick, x):
    attributes = window(pick, spatial(net, x))
    if "pads" in attributes:
        _limit_pads(attributes)
    return [
        net.node(
            "AveragePool",
            [x],
            ceil_mode=pick("ceil", (0, 1), (3, 1)),
            count_include_pad=pick("include", (0, 1), (2, 1)),
            **attributes,
        )
    ]


@layer("LpPool")
def lp_pool(net, pick, x):
    attributes = window(pick, spatial(net, x))
    if "pads" in attributes:
        _limit_pads(attributes)
    return [net.node("LpPool", [x], p=1, **attributes)]


@layer("GlobalLpPool")
def global_lp_pool(net, pick, x):
    spatial(net, x)
    return [net.node("GlobalLpPool", [x], p=1)]


def _limit_pads(attributes):
    """Pads of pools are smaller than their kernels."""
    kernel = attributes["kernel_shape"]
    attributes["pads"] = [
        min(p, k - 1) for p, k in zip(attributes["pads"], kernel * 2, strict=True)
    ]


@layer("GlobalAveragePool", "GlobalMaxPool")
def global_pool(net, pick, name, x):
    spatial(net, x)
    return [net.node(name, [x])]


@layer("ReduceMean", "ReduceSum", "ReduceL1", "ReduceMax", "ReduceMin")
def reduce(net, pick, name, x):
    rank = len(net.shapes[x])
    spatial(net, x)
    axes = pick("axes", ("all", "last", "rows", "channels"), (3, 2, 2, 1))
    axes = {"all": list(range(2, rank)), "last": [-1], "rows": [2], "channels": [1]}[axes]
    return [
        net.node(name, [x, net.const(axes, np.int64)], keepdims=pick("keepdims", (1, 0), (4, 1)))
    ]


@layer("split_channels")
def split_channels(net, pick, x):
    """Channels as two axes, one of which is added or averaged away, maybe after a product."""
    n, c, *dims = net.shapes[x]
    spatial(net, x)
    groups, axis = pick("groups", divisors(c)), pick("axis", (1, 2))
    ones = [1] * len(dims)
    y = net.node("Reshape", [x, net.const([n, groups, c // groups, *dims], np.int64)])
    if pick("weighted", (False, True)):
        shape = net.const([n, groups, c // groups, *ones], np.int64)
        weight = net.node("Reshape", [net.node("GlobalAveragePool", [x]), shape])
        soft = groups == 2 and pick("softmax", (False, True))
        weight = net.node("Softmax", [weight], axis=1) if soft else net.node("Sigmoid", [weight])
        y = net.node("Mul", [y, weight])
    op = pick("op", ("ReduceSum", "ReduceMean"))
    return [net.node(op, [y, net.const([axis], np.int64)], keepdims=0)]


@layer("BatchNormalization")
def batch_norm(net, pick, x):
    c, rng = net.shapes[x][1], net.rng
    scale = rng.uniform(0.3, 2, c) * rng.choice((-1, 1), c)
    parameters = scale, rng.standard_normal(c), rng.standard_normal(c), rng.uniform(0.3, 2, c)
    return [net.node("BatchNormalization", [x, *(net.const(p) for p in parameters)])]


@layer("InstanceNormalization")
def instance_norm(net, pick, x):
    c, dims = net.shapes[x][1], spatial(net, x)
    groups = pick("groups", [c, *divisors(c)])
    scaled = pick("scaled", (False, True))
    scale, bias = net.rng.uniform(0.3, 2, c), net.rng.standard_normal(c) * scaled
    if groups == c:
        parameters = [net.const(scale if scaled else np.ones(c)), net.const(bias)]
        return [net.node("InstanceNormalization", [x, *parameters])]
    shape = net.shapes[x]
    y = net.node("Reshape", [x, net.const([shape[0], groups, -1], np.int64)])
    y = net.node("InstanceNormalization", [y, net.const([1] * groups), net.const([0] * groups)])
    y = net.node("Reshape", [y, net.const(shape, np.int64)])
    if scaled:
        scale, bias = (net.const(v.reshape(-1, *[1] * len(dims))) for v in (scale, bias))
        y = net.node("Add", [net.node("Mul", [y, scale]), bias])
    return [y]


@layer("GroupNormalization")
def group_norm(net, pick, x):
    c, _ = net.shapes[x][1], spatial(net, x)
    parameters = net.const(net.rng.uniform(0.3, 2, c)), net.const(net.rng.standard_normal(c))
    groups = pick("groups", divisors(c))
    return [net.node("GroupNormalization", [x, *parameters], num_groups=groups)]


@layer("LayerNormalization")
def layer_norm(net, pick, x):
    if len(spatial(net, x)) != 2 or net.shapes[x][1] == 1:
        raise Invalid("no map of several channels")
    c = net.shapes[x][1]
    parameters = net.const(net.rng.uniform(0.3, 2, c)), net.const(net.rng.standard_normal(c))
    y = net.node("Transpose", [x], perm=[0, 2, 3, 1])
    y = net.node("LayerNormalization", [y, *parameters[: pick("parameters", (2, 1))]])
    return [net.node("Transpose", [y], perm=[0, 3, 1, 2])]


@layer("LpNormalization", "ReduceL2")
def l2_norm(net, pick, name, x):
    spatial(net, x)
    if name == "LpNormalization":
        return [net.node(name, [x], axis=1, p=2)]
    root = net.node(name, [x, net.const([1], np.int64)], keepdims=1)
    return [net.node("Div", [x, net.node("Max", [root, net.const(1e-12)])])]


@layer("LRN")
def lrn(net, pick, x):
    if len(spatial(net, x)) != 2:
        raise Invalid("LRN of rows")
    return [
        net.node(
            "LRN",
            [x],
            size=pick("size", (1, 3, 5)),
            alpha=pick("alpha", (1e-4, 0.1, 1.0)),
            beta=pick("beta", (0.75, 0.5, 1.0)),
            bias=pick("bias", (1.0, 2.0)),
        )
    ]


@layer("Softmax", "LogSoftmax")
def softmax(net, pick, name, x):
    return [net.node(name, [x], axis=pick("axis", (-1, 1)))]
