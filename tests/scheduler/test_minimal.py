"""The smallest buffers, queues and FIFOs: nothing that the compiler counts on is missing there."""

import pytest
from minimal import least
from random_networks import Builder
from test_networks import check

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.scheduler.compile import compile_graph


@pytest.mark.parametrize(
    "rows, cols, axi_bytes", [(4, 16, 64), (4, 64, 64), (4, 8, 32), (4, 16, 32)]
)
@pytest.mark.parametrize("full", [True, False])
def test_parameters_of_a_vector_slot_end_with_a_beat(rows, cols, axi_bytes, full):
    """Beats of as many parameters as a slot has, and of twice as many."""
    config = (
        AccelConfig(rows=rows, cols=cols, axi_bytes=axi_bytes)
        if full
        else least(rows, cols, axi_bytes)
    )
    b = Builder(3, (1, 20, 9, 9))
    x = b.affine(b.pool(b.affine("x"), "max", 3, 2, 1))
    compiled = check(b.done(b.affine(b.concat(b.conv(x, 7), b.conv(x, 30)))), config)
    beats = [
        op.values["n_beats"]
        for op in compiled.ops
        if op.instruction is isa.PARAM and op.values["dest"] == 1
    ]
    assert beats
    assert all(n * axi_bytes % config.vector_param_bytes == 0 for n in beats)


@pytest.mark.parametrize("rows", [4, 16])
@pytest.mark.parametrize(
    "shape, kernel, stride, pads",
    [
        ((1, 3, 1, 20), (4, 8), 4, (4, 4, 0, 3)),
        ((1, 20, 2, 2), (3, 2), (3, 2), (4, 3, 5, 4)),
        ((1, 160, 1, 9), 1, 1, (30, 2, 30, 2)),
        ((1, 160, 3, 9), 3, 1, (30, 2, 30, 2)),
    ],
)
def test_windows_in_the_padding(rows, shape, kernel, stride, pads):
    """A tile that lies wholly in the pads loads the nearest of the map besides."""
    b = Builder(2, shape)
    check(b.done(b.conv("x", 9, kernel, stride, pads)), least(rows, 4, 8))


def test_input_blocks_of_a_group_one_by_one():
    """One output block of a depthwise convolution reads two input blocks, which together do not
    fit.
    """
    b = Builder(4, (1, 30, 20, 1))
    compiled = check(
        b.done(b.conv("x", 30, (1, 3), (1, 2), (0, 9, 4, 1), groups=30)),
        least(8, 16, 8, acc_depth=256, dw_taps=0),
    )
    blocks = {op.values["n_blk"] for op in compiled.ops if op.queue == "load"}
    assert blocks == {1}


def test_tiles_of_any_width():
    """Only columns far narrower than the widest fit: 7x7 windows on 64 vectors of 64 channels."""
    b = Builder(4, (1, 70, 7, 40))
    check(b.done(b.conv("x", 9, 7, 1, 3)), least(64, 4, 32))


def test_a_window_that_does_not_fit_is_refused_with_what_it_takes():
    b = Builder(4, (1, 70, 9, 40))
    with pytest.raises(
        InputError, match="takes at least 81 vectors of the activation buffer, which holds 64"
    ):
        compile_graph(b.done(b.conv("x", 9, 9)), least(64, 4, 32))
