"""Layer shapes that stress one rule each: ISA == golden, waits checked."""

import dataclasses

import numpy as np
import pytest
from random_networks import Builder
from test_networks import CONFIGS, check

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.scheduler.compile import compile_graph
from hwcnn.tile_ops import array_passes

SMALL = AccelConfig(rows=4, cols=4, act_kib=4, acc_depth=64, param_slots=8, pool_depth=64)


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS)
def config(request):
    return request.param


def one(seed, shape, make):
    b = Builder(seed, shape)
    return b.done(make(b))


@pytest.mark.parametrize(
    "shape, kernel, stride, pads, dilation",
    [
        ((1, 3, 20, 20), 7, 2, 3, 1),
        ((1, 3, 11, 13), (1, 5), 1, (0, 2, 0, 2), 1),
        ((1, 40, 9, 9), 3, 2, (0, 0, 1, 1), 1),
        ((1, 20, 10, 10), 3, 1, 2, 2),
        ((1, 9, 8, 8), (3, 1), (2, 1), (1, 0, 1, 0), 1),
        ((1, 33, 7, 7), 1, 2, 0, 1),
        ((1, 5, 4, 4), 3, 1, (9, 9, 9, 9), 1),
        ((1, 20, 3, 70), 3, 1, 1, 1),
        ((1, 16, 1, 300), (1, 3), 1, (0, 1, 0, 1), 1),
        ((1, 5, 2, 2), 2, 1, (3, 0, 0, 3), 4),
    ],
)
def test_convolution(config, shape, kernel, stride, pads, dilation):
    check(one(1, shape, lambda b: b.conv("x", 21, kernel, stride, pads, dilation=dilation)), config)


@pytest.mark.parametrize(
    "channels, out, groups",
    [
        (32, 32, 2),
        (64, 64, 16),
        (48, 48, 48),
        (24, 72, 24),
        (30, 20, 10),
        (35, 35, 5),
        (21, 42, 3),
        (64, 32, 32),
    ],
)
def test_groups(config, channels, out, groups):
    check(one(2, (1, channels, 8, 9), lambda b: b.conv("x", out, 3, 1, 1, groups=groups)), config)


@pytest.mark.parametrize(
    "batch, shape, out",
    [(1, (40, 6, 6), 70), (3, (40, 4, 4), 70), (5, (130, 1, 1), 33), (9, (8, 7, 7), 5)],
)
def test_fully_connected(config, batch, shape, out):
    check(one(3, (batch, *shape), lambda b: b.conv("x", out, shape[1:])), config)


def test_local_response_normalisation_of_a_batch_of_fully_connected_results(config):
    """The convolution's tiles are of images, the normalisation's of rows."""
    b = Builder(4, (3, 40, 1, 1))
    check(b.done(b.lrn(b.conv("x", 21))), config)


@pytest.mark.parametrize(
    "shape, stride", [((2, 5, 2, 1), (2, 1)), ((1, 5, 3, 4), (3, 4)), ((2, 5, 4, 4), (2, 4))]
)
def test_a_pool_of_one_pixel_that_leaves_out_others(config, shape, stride):
    """Along an axis with one window, the stride is not what makes the result smaller."""
    check(one(5, shape, lambda b: b.pool("x", "max", 1, stride)), config)


def test_weights_are_read_once_for_a_batch():
    graph = one(3, (4, 64, 2, 2), lambda b: b.conv("x", 64, 2))
    compiled = compile_graph(graph, AccelConfig())
    streamed = sum(op.values["n_bytes"] for op in compiled.ops if op.queue == "weight")
    assert streamed == 64 * 64 * 4


def without_tiles(graph, side, kept, seed=0):
    """`graph` with zeros in all but a share `kept` of the squares of `side` channels of each
    weight, and in some whole rows.
    """
    rng = np.random.default_rng(seed)
    for op in graph.ops:
        if isinstance(op, ir.Conv):
            rows, cols = (-(-n // side) for n in op.weight.shape[:2])
            mask = (rng.random((rows, cols)) < kept) & (rng.random((rows, 1)) < 0.8)
            op.weight[
                ~mask.repeat(side, 0).repeat(side, 1)[: op.weight.shape[0], : op.weight.shape[1]]
            ] = 0
    return graph


@pytest.mark.parametrize("kept", [0, 0.2, 0.6])
@pytest.mark.parametrize(
    "batch, channels, out, size, kernel",
    [(1, 100, 90, 9, 3), (2, 150, 70, 6, 1), (3, 40, 50, 4, 4)],
)
def test_weight_tiles_of_zeros(config, kept, batch, channels, out, size, kernel):
    graph = one(
        3, (batch, channels, size, size), lambda b: b.conv("x", out, kernel, 1, kernel // 3 % 2)
    )
    check(without_tiles(graph, 8, kept), config)


def test_weight_tiles_of_zeros_on_a_concatenation(config):
    """Ragged input blocks, and a second operand."""
    b = Builder(8, (1, 30, 7, 7))
    ragged = b.concat(b.conv("x", 21, 1), b.conv("x", 70, 1))
    b.done(b.conv(ragged, 60, 3, 1, 1, residual=b.conv("x", 60, 1)))
    check(without_tiles(b.graph, 16, 0.4), config)


def test_weight_tiles_of_zeros_take_no_pass():
    """Channels in reverse order: each output block reads one input block; weights without zeros
    take all.
    """
    b = Builder(3, (1, 128, 4, 4))
    b.done(b.conv(b.conv("x", 128), 128))
    b.graph.ops[1].weight[:] = np.eye(128, dtype=np.int8)[::-1].reshape(128, 128, 1, 1)
    compiled = compile_graph(b.graph, AccelConfig())
    for layer, passes in ((0, 8 * 8), (1, 8)):
        ops = [op for op in compiled.ops if op.layer == layer]
        assert sum(array_passes(op.values) for op in ops if op.queue == "array") == passes
        assert sum(op.values["n_bytes"] for op in ops if op.queue == "weight") == passes * 16 * 16


@pytest.mark.parametrize(
    "kind, kernel, stride, pads, ceil, include",
    [
        ("max", 5, 1, 2, False, False),
        ("max", 13, 1, 6, False, False),
        ("max", 9, 2, 4, True, False),
        ("average", 5, 1, 2, False, True),
        ("average", 3, 2, 1, True, False),
        ("average", 3, 1, 1, False, False),
        ("max", (1, 2), (2, 1), 0, False, False),
        ("max", 2, 3, 0, True, False),
    ],
)
def test_pool(config, kind, kernel, stride, pads, ceil, include):
    check(
        one(4, (1, 20, 14, 15), lambda b: b.pool("x", kind, kernel, stride, pads, ceil, include)),
        config,
    )


@pytest.mark.parametrize("size", [7, 13])
def test_global_average(config, size):
    check(one(5, (1, 20, size, size), lambda b: b.pool("x", "average", size, 1)), config)


@pytest.mark.parametrize("batch, channels, size", [(1, 20, 40), (2, 70, 23), (1, 150, 30)])
def test_global_average_of_many_pixels(config, batch, channels, size):
    """More taps than the narrower sums of the vector engine hold: the array does it, all blocks in
    a pass.
    """
    graph = one(5, (batch, channels, size, size), lambda b: b.pool("x", "average", size, 1))
    compiled = check(graph, dataclasses.replace(config, dw_taps=0))
    assert not any(op.queue == "vector" for op in compiled.ops)
    wide = check(graph, dataclasses.replace(config, dw_taps=3))
    assert all(op.queue == "vector" for op in wide.ops) == bool(config.features)


def test_global_average_takes_a_few_cycles_a_pixel():
    graph = one(5, (1, 256, 56, 56), lambda b: b.pool("x", "average", 56, 1))
    passes = sum(
        op.values["n_ky"] * op.values["n_kx"]
        for op in compile_graph(graph, AccelConfig(dw_taps=0)).ops
        if op.queue == "array"
    )
    assert passes == 56 * 56


def test_wide_average(config):
    """Windows that overlap too much for the window unit: a depthwise convolution."""
    check(
        one(6, (1, 20, 9, 9), lambda b: b.pool("x", "average", 5, 1, 2, include_pad=True)), config
    )


@pytest.mark.parametrize("size, kernel, stride", [((7, 18), (5, 5), (3, 1)), ((9, 9), 5, 3)])
def test_wide_average_of_one_row(config, size, kernel, stride):
    """Rows of the map below the last windows."""
    graph = one(6, (1, 20, *size), lambda b: b.pool("x", "average", kernel, stride))
    check(graph, config)
    check(graph, dataclasses.replace(config, features=()))


def test_wide_maps(config):
    """Rows longer than the pooling buffer and than an LRN instruction."""
    b = Builder(6, (1, 20, 3, 700))
    b.done(b.pool(b.lrn("x"), "max", 3, 2, 1))
    check(b.graph, config)


def test_nested_and_repeated_concatenations(config):
    """DenseNet's prefixes share memory; operands of two concatenations are copied; a concatenation
    itself works.
    """
    b = Builder(7, (2, 6, 7, 7))
    operands = [b.conv("x", c, 1) for c in (5, 18, 9)]
    first, second = b.concat(*operands[:2]), b.concat(*operands)
    third = b.concat(operands[1], operands[0], "x")
    fourth = b.concat(first, first)
    b.done(*[b.conv(t, 11, 3, 1, 1) for t in (first, second, third, fourth)])
    check(b.graph, config)


def test_repeated_prefixes_cost_nothing():
    b = Builder(7, (1, 6, 7, 7))
    operands = [b.conv("x", 16, 1) for _ in range(3)]
    graph = b.done(b.concat(*operands[:2]), b.concat(*operands))
    assert not any(op.queue == "vector" for op in compile_graph(graph, AccelConfig()).ops)


def test_holes_where_they_hurt(config):
    """Residual, LRN and unlike operands on concatenations with ragged channels."""
    b = Builder(8, (1, 6, 7, 7))
    ragged = b.concat(b.conv("x", 5, 1), b.conv("x", 18, 1))
    dense = b.conv("x", 23, 1)
    b.done(
        b.conv("x", 23, 1, residual=ragged),
        b.lrn(ragged),
        b.eltwise(ragged, dense, "add"),
        b.eltwise(ragged, ragged, "mul"),
        b.lrn(b.lut(dense)),
        b.lrn(b.conv("x", 23, residual=dense)),
    )
    check(b.graph, config)


def test_many_channels(config):
    """More output blocks than parameter slots, more affine channels than slots."""
    b = Builder(9, (1, 70, 5, 5))
    b.done(b.conv(b.affine(b.conv("x", 600, 1)), 150, 3))
    check(b.graph, config)


def test_without_vector_engine():
    config = AccelConfig(features=())
    b = Builder(10, (1, 6, 8, 8))
    x = b.concat(b.conv("x", 5, 1), "x")
    b.done(b.pool(x, "average", 8, 1))
    compiled = check(b.graph, config)
    assert not any(op.queue == "vector" for op in compiled.ops)


@pytest.mark.parametrize(
    "feature, make",
    [
        ("pool", lambda b: b.pool("x", "max", 2, 2)),
        ("eltwise", lambda b: b.eltwise("x", b.conv("x", 6), "mul")),
        ("affine", lambda b: b.affine("x")),
        ("lrn", lambda b: b.lrn("x")),
        ("lut", lambda b: b.lut("x")),
    ],
)
def test_missing_feature(feature, make):
    config = AccelConfig(
        features=tuple(f for f in ("pool", "eltwise", "affine", "lrn", "lut") if f != feature)
    )
    with pytest.raises(InputError, match=f"{feature}.*needs the vector feature '{feature}'"):
        compile_graph(one(11, (1, 6, 8, 8), make), config)


def test_input_tile_does_not_fit():
    with pytest.raises(InputError, match="conv.*activation buffer.*act_kib"):
        compile_graph(one(12, (1, 8, 40, 40), lambda b: b.conv("x", 8, 40)), SMALL)


def test_window_does_not_fit():
    with pytest.raises(InputError, match="pool.*cannot do"):
        compile_graph(one(13, (1, 8, 90, 90), lambda b: b.pool("x", "max", (70, 2), 2)), SMALL)


def test_deterministic():
    def build():
        b = Builder(14, (1, 6, 12, 12))
        b.done(b.pool(b.lrn(b.conv(b.conv("x", 40, 3), 33, 3)), "max", 2, 2))
        return compile_graph(b.graph, SMALL)

    first, second = build(), build()
    assert first.program == second.program
    assert np.array_equal(first.weights, second.weights)
    assert first.manifest == second.manifest


def test_manifest_attributes_every_instruction():
    b = Builder(15, (1, 6, 12, 12))
    b.done(b.lut(b.pool(b.conv("x", 20, 3), "max", 2, 2)))
    manifest = compile_graph(b.graph, SMALL).manifest
    for queue, runs in manifest.queues.items():
        assert sum(n for _, n in runs) == manifest.instructions[queue]
    assert [layer.op for layer in manifest.layers] == ["Conv", "Pool", "Lut"]
    assert manifest.layers[0].macs == 20 * 10 * 10 * 6 * 9
    assert isinstance(b.graph.ops[0], ir.Conv)


@pytest.mark.parametrize(
    "channels, kernel, groups, passes",
    [
        (8, 3, 1, 5),  # half of a block of 16 lanes
        (9, 3, 1, 9),
        (24, 3, 1, 9 + 5),
        (24, (1, 4), 1, 4 + 2),
        (8, (4, 1), 1, 2),
        (8, 1, 1, 1),
        (48, 5, 2, 2 * (25 + 13)),  # a block and a half for each group
    ],
)
def test_half_a_block_takes_two_taps_a_pass(channels, kernel, groups, passes):
    b = Builder(8, (2, 20, 9, 11))
    b.done(b.conv(b.conv("x", channels), 16 * groups, kernel, 2, 1, groups, dilation=2))
    compiled = check(b.graph, AccelConfig())
    arrays = [op.values for op in compiled.ops if op.queue == "array" and op.layer == 1]
    pixels = b.shape(b.graph.outputs[0])[2] * b.shape(b.graph.outputs[0])[3]
    worked = sum(array_passes(v) * v["n_y"] * v["n_x"] for v in arrays)
    assert worked == 2 * pixels * passes


@pytest.mark.parametrize("act_kib", [4, 128])
def test_halves_that_are_loaded_again(act_kib):
    """Tiles that stay in the buffer, and those that do not."""
    config = AccelConfig(rows=32, cols=8, act_kib=act_kib, acc_depth=64, param_slots=8)
    b = Builder(9, (1, 20, 9, 10))
    x = b.conv("x", 80)
    b.done(b.conv(x, 70, 3, 1, 1), b.conv(x, 40, 3, 1, 1, groups=5), b.conv(x, 6, (9, 10)))
    check(b.graph, config)


def test_a_normalisation_anywhere_costs_no_passes():
    """Its operand's holes are filled; on 16 columns and 8 lanes too."""
    worked = []
    for normalise in (False, True):
        b = Builder(10, (1, 24, 6, 6))
        x = b.conv("x", 40, 3, 1, 1)
        b.done(b.lrn(x) if normalise else x)
        arrays = [op.values for op in check(b.graph, CONFIGS["8x16"]).ops if op.queue == "array"]
        worked.append(sum(array_passes(v) * v["n_y"] * v["n_x"] for v in arrays))
    assert worked == [3 * 3 * 9 * 36] * 2
