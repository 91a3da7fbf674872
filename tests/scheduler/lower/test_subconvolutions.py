"""Layers whose result several convolutions write, and convolutions that crop: ISA == golden, waits
checked.
"""

import numpy as np
import pytest
from random_networks import Builder
from test_networks import CONFIGS, check

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.fixedpoint import multiplier
from hwcnn.resampling import runs
from hwcnn.scheduler.compile import compile_graph


@pytest.fixture(params=["4x4", "8x16"])
def config(request):
    return CONFIGS[request.param]


def conv_transpose(
    b, x, channels, kernel, stride, pads=(0, 0), extra=(0, 0), groups=1, dilation=(1, 1)
):
    """extra : rows and columns of the result beyond the reach of the last input, less those cut off
    there.
    """
    (n, c, *size), y = b.shape(x), None
    reach = [
        s * (i - 1) + (k - 1) * d + 1
        for s, i, k, d in zip(stride, size, kernel, dilation, strict=True)
    ]
    y = b.new((n, channels, *(r - p + e for r, p, e in zip(reach, pads, extra, strict=True))))
    weight = b.rng.integers(-128, 128, (c, channels // groups, *kernel)).astype(np.int8)
    mantissa, shift = multiplier(
        b.rng.uniform(30, 60, channels) / (60 * 74 * np.sqrt(c // groups * np.prod(kernel)))
    )
    bias = b.rng.integers(-2000, 2000, channels).astype(np.int32)
    return b.add(
        ir.ConvTranspose(
            y + ".up",
            x,
            y,
            weight,
            bias,
            mantissa,
            shift,
            b.zero(x),
            b.zero(y),
            -128,
            120,
            stride,
            pads,
            dilation,
            groups,
        )
    )


def resize(b, x, rows, cols, scale):
    y = b.new((*b.shape(x)[:2], len(rows[0]), len(cols[0])))
    mantissa, shift = (int(v) for v in multiplier(scale))
    return b.add(ir.Resize(y + ".resize", x, y, rows, cols, mantissa, shift, b.zero(x), b.zero(y)))


def nearest(size, factor):
    return np.repeat(np.arange(size), factor)[:, None].repeat(2, 1), np.tile(
        [1, 0], (size * factor, 1)
    )


def doubled(size):
    """Linear interpolation to twice the size, in quarters, edges repeated."""
    position = np.arange(2 * size) * 2 - 1  # in quarters of a pixel
    low = position // 4
    weight = np.stack([4 - position % 4, position % 4], 1)
    return np.clip(np.stack([low, low + 1], 1), 0, size - 1), weight


CASES = [  # channels in, out, groups, kernel, stride, pads, extra, dilation
    (12, 20, 1, (2, 2), (2, 2), (0, 0), (0, 0), (1, 1)),
    (12, 20, 1, (3, 3), (2, 2), (1, 1), (-1, 0), (1, 1)),
    (12, 20, 1, (4, 4), (2, 2), (1, 1), (-1, -1), (1, 1)),
    (12, 12, 12, (4, 4), (2, 2), (1, 1), (-1, -1), (1, 1)),
    (12, 24, 4, (3, 2), (3, 1), (0, 0), (2, 0), (1, 2)),
    (12, 8, 1, (2, 1), (3, 2), (0, 0), (1, 1), (1, 1)),  # phases that no tap meets
    (12, 8, 1, (3, 3), (2, 3), (2, 2), (-2, -2), (2, 2)),
    (12, 8, 1, (3, 3), (1, 1), (1, 1), (-1, -1), (1, 1)),
]


@pytest.mark.parametrize("c_in, c_out, groups, kernel, stride, pads, extra, dilation", CASES)
def test_conv_transpose(config, c_in, c_out, groups, kernel, stride, pads, extra, dilation):
    b = Builder(1, (2, c_in, 6, 7))
    y = conv_transpose(
        b, b.conv("x", c_in, 3, 1, 1), c_out, kernel, stride, pads, extra, groups, dilation
    )
    b.done(b.conv(y, 9, 3, 1, 1), b.pool(y, "max", 2, 2), b.concat(y, b.lut(y)), b.lrn(y))
    check(b.graph, config)


def test_conv_transpose_from_one_pixel(config):
    b = Builder(2, (3, 30, 1, 1))
    b.done(conv_transpose(b, "x", 10, (4, 4), (1, 1)))
    check(b.graph, config)


def test_parts_have_no_wasted_passes():
    """A kernel of 2 with stride 2: each of four phases is a pass of one tap for each block."""
    b = Builder(3, (1, 16, 8, 8))
    b.done(conv_transpose(b, "x", 16, (2, 2), (2, 2)))
    arrays = [op.values for op in compile_graph(b.graph, AccelConfig()).ops if op.queue == "array"]
    assert (
        sum(v["n_cb"] * v["n_ky"] * v["n_kx"] * v["n_ob"] * v["n_y"] * v["n_x"] for v in arrays)
        == 4 * 64
    )
    assert ir.macs(b.graph.ops[0], b.graph) == 64 * 16 * 16 * 4


@pytest.mark.parametrize("channels", [5, 20])
@pytest.mark.parametrize("make", [lambda n: nearest(n, 2), lambda n: nearest(n, 3), doubled])
def test_resize(config, channels, make):
    b = Builder(4, (2, channels, 5, 6))
    rows, cols = make(5), make(6)
    y = resize(b, b.conv("x", channels, 1), rows, cols, 1 / (rows[1].sum(1)[0] * cols[1].sum(1)[0]))
    b.done(b.conv(y, 7, 3, 1, 1), b.lut(y))
    check(b.graph, config)


def test_runs_follow_their_definition():
    for index, weight in (
        nearest(7, 2),
        doubled(9),
        doubled(1),
        doubled(2),
        (np.zeros((5, 2), int), np.tile([2, 1], (5, 1))),
    ):
        results = {}
        for run in runs(index, weight):
            for i in range(run.count):
                taps = {run.start + i * run.stride + t: w for t, w in enumerate(run.weights) if w}
                assert results.setdefault(run.first + i * run.step, taps) is taps
        assert sorted(results) == list(range(len(index)))
        for o, taps in results.items():
            expected = {}
            for i, w in zip(index[o].tolist(), weight[o].tolist(), strict=True):
                expected[i] = expected.get(i, 0) + w
            assert taps == {i: w for i, w in expected.items() if w}


def test_doubling_is_few_runs():
    assert len(runs(*nearest(100, 2))) == 2
    assert len(runs(*doubled(100))) == 4


@pytest.mark.parametrize("pads", [(-1, -2, -3, 0), (-2, 1, 1, -1), (0, 0, -7, -8)])
def test_crop(config, pads):
    b = Builder(5, (1, 12, 9, 10))
    b.done(
        b.conv("x", 12, 1, 1, pads, groups=12),
        b.conv("x", 8, 2, 1, pads),
        b.conv("x", 8, 1, 2, pads),
    )
    check(b.graph, config)


def test_crop_of_an_input_with_few_channels(config):
    b = Builder(6, (1, 3, 12, 12))
    b.done(b.conv("x", 8, 3, 1, (-1, -2, 1, -1)))
    check(b.graph, config)
