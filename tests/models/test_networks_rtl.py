"""Every built-in network, smaller, through the RTL of one accelerator: equal to the reference in
every bit of every tensor.
"""

import numpy as np
import pytest
from hwcnn.models.builder import Builder
from hwcnn.models.onnx_model import onnx_model
from hwcnn.models.reduced import CLASSIFICATION, TASKS

from hwcnn import golden, ir, models
from hwcnn.config import AccelConfig
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.scheduler.compile import compile_graph
from hwcnn.sim import report, session
from hwcnn.sim.design import Design

CONFIG = AccelConfig.load(pe="8x8")


def test_no_network_is_left_out():
    trained = {name for name in models.names() if models.info(name).file}
    assert {*CLASSIFICATION, *TASKS} == set(
        models.names()
    ) - trained  # see test_trained.py and tests/cli


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_network(name):
    width, size = CLASSIFICATION[name]
    simulate(normalise(models.build(name, width, size), name), models.samples(name, 2, size=size))


def test_super_resolution_by_a_transposed_convolution_of_one_channel():
    """FSRCNN (Dong, Loy and Tang, 2016) x3 with d = 14, s = 6, m = 1: its last layer becomes a
    convolution of nine phases and a shuffle.
    """
    b, x = Builder("fsrcnn", 1, 10), "input"
    for i, (channels, kernel) in enumerate(((14, 5), (6, 1), (6, 3), (14, 1))):
        x = b.conv_relu(f"conv{i}", x, channels, kernel, pad=kernel // 2)
    weight = b.weight("up.weight", (14, 1, 9, 9), 1)
    options = {"strides": (3, 3), "pads": (4, 4, 4, 4), "output_padding": (2, 2)}
    model = onnx_model(b, b.node("ConvTranspose", [x, weight], "up", (1, 30, 30), **options))
    pictures = np.random.default_rng(2).uniform(0, 1, (2, 1, 1, 10, 10)).astype(np.float32)
    layers = simulate(normalise(model, "fsrcnn"), pictures)
    assert layers[-2:] == ["up", "up/shuffle"]


def test_segmentation_by_bilinear_resampling():
    """Its phases run on the depthwise unit, and write every other or eighth row and column."""
    b = Builder("masks", 3, 6)
    x = b.conv_relu("features", "input", 10, 3, pad=1)
    for factor, channels in ((2, 10), (8, 4)):
        factors = b.constant(f"factors{factor}", np.array([1, 1, factor, factor], np.float32))
        size = factor * b.shapes[x][1]
        x = b.node("Resize", [x, "", factors], f"up{factor}", (channels, size, size), mode="linear")
        x = x if factor == 8 else b.conv("head", x, 4, 3, pad=1)
    pictures = np.random.default_rng(4).uniform(0, 1, (2, 1, 3, 6, 6)).astype(np.float32)
    layers = simulate(normalise(onnx_model(b, x), "masks"), pictures)
    assert layers == ["features", "up2", "head", "up8/doubled", "up8"]


def simulate(model, samples):
    """Quantise a network, and compare its run on the first sample with the reference; returns the
    names of its layers.
    """
    graph = import_graph(quantise(model, [{"input": sample} for sample in samples]))
    compiled = compile_graph(graph, CONFIG)
    design = Design(
        CONFIG,
        compiled.manifest,
        compiled.program,
        compiled.weights,
        accelerator_verilog(CONFIG),
        graph,
    )
    inputs = [{"input": golden.quantise_input(graph, "input", samples[0])}]
    result = session.simulate(design, inputs, session.Options())
    assert report.mismatch_lines(design, result) == []
    compared = {
        tensor
        for tensor, d in result.outcomes[0].differences.items()
        if d.elements and not d.mismatches
    }
    assert compared >= {op.y for op in graph.ops if not isinstance(op, ir.Concat)}
    return [op.name for op in compiled.graph.ops]
