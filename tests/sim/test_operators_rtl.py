"""Operators that are made of others, all in one network, through RTL."""

import sys
from pathlib import Path

import numpy as np

from hwcnn import golden
from hwcnn.config import AccelConfig
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.scheduler.compile import compile_graph
from hwcnn.sim import report, session
from hwcnn.sim.design import Design

sys.path.insert(0, str(Path(__file__).parents[1] / "frontend"))
from float_nets import Net
from normalised_nets import uneven

#: Of tests/models too, which builds its simulator.
CONFIG = AccelConfig.load(pe="8x8")


def network() -> Net:
    """Instance normalisation, spatial attention, pads of channels, long pads, joined rows."""
    net = uneven(12, 10)
    x = net.x
    squeezed = [net.node(op, x, axes=[1], keepdims=1) for op in ("ReduceMean", "ReduceMax")]
    net.node("Concat", *squeezed, axis=1)
    net.node("Mul", x, net.node("Sigmoid", net.conv(2, 1, 3, 3, pads=[1] * 4)))
    net.node("Pad", net.x, net.const([0, 2, 0, 0, 0, 3, 300, 0], np.int64))
    net.node("MaxPool", kernel_shape=[9, 2], strides=[9, 2])
    net.node("Concat", net.x, net.node("Relu"), axis=2)
    return net


def test_every_tensor_is_equal():
    net = network()
    samples = net.samples(2)
    graph = import_graph(quantise(net.model(), samples))
    compiled = compile_graph(graph, CONFIG)
    design = Design(
        CONFIG,
        compiled.manifest,
        compiled.program,
        compiled.weights,
        accelerator_verilog(CONFIG),
        graph,
    )
    inputs = [{"x": golden.quantise_input(graph, "x", samples[0]["x"])}]
    result = session.simulate(design, inputs, session.Options())
    assert report.mismatch_lines(design, result) == []
    compared = result.outcomes[0].differences
    assert sum(d.elements > 0 for d in compared.values()) > 30
