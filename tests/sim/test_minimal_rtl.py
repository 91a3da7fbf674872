"""Programs of the compiler in RTL on the smallest buffers, queues and FIFOs: two images, under
random stalls and without.
"""

import numpy as np
import pytest
from minimal import least
from random_networks import Builder, random_input, random_network
from test_weight_prefetch import chain

from hwcnn import golden
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.sim.compare import compare
from hwcnn.sim.design import Design
from hwcnn.sim.engines.rtl_engine import RtlSimulator
from hwcnn.sim.testbench import accelerator


def network(shape, make):
    b = Builder(7, shape)
    return b.done(make(b))


def affines(b):
    x = b.affine(b.pool(b.affine("x"), "max", 3, 2, 1))
    return b.affine(b.concat(b.conv(x, 7), b.conv(x, 30)))


def tall_windows(b):
    """Windows with strides of rows above 7, and larger than all that is kept of a row."""
    return b.pool(
        b.pool(b.conv("x", 9, 3, 1, 1), "average", (9, 2), (8, 1), ceil=True),
        "max",
        (3, 1),
        (11, 1),
        (2, 0, 0, 0),
    )


def halves(b):
    """Blocks of which one half of the lanes is needed, lower and upper: two taps a pass."""
    x = b.conv("x", 10, 3, 1, 1, groups=2)
    return b.conv(x, 9, (3, 2), (2, 1), dilation=2)


NETWORKS = {
    "chain": lambda: chain(75),
    "affines": lambda: network((1, 20, 9, 9), affines),
    "in the pads": lambda: network(
        (2, 3, 1, 20), lambda b: b.conv("x", 5, (4, 8), 4, (4, 4, 0, 3))
    ),
    "halves": lambda: network((1, 12, 9, 8), halves),
    "tall windows": lambda: network((1, 3, 40, 5), tall_windows),
    "random": lambda: random_network(3, size=9, batch=2, layers=5),
}


@pytest.mark.parametrize(
    "rows, cols, axi_bytes, read_latency", [(4, 4, 16, 8), (8, 4, 32, 90), (4, 16, 64, 200)]
)
def test_minimal(rows, cols, axi_bytes, read_latency):
    config = least(rows, cols, axi_bytes)
    verilog = accelerator_verilog(config)
    folder = accelerator.build(verilog, optimise="-O0")
    designs = {name: Design.compile(make(), config, verilog) for name, make in NETWORKS.items()}
    size = max(design.manifest.dram_bytes for design in designs.values())
    for stalls in (None, 1):
        with RtlSimulator(folder, size, read_latency, stalls=stalls) as simulator:
            for name, design in designs.items():
                for seed in range(2):
                    wrong, compared = differences(simulator, design, seed)
                    assert wrong == [], (name, stalls)
                    assert compared >= elements(design.graph), (name, stalls)


def differences(simulator, design, seed):
    """(the tensors of a run that differ from golden's, elements that were compared)."""
    x = random_input(design.graph, seed)
    design.fill(simulator.dram, x)
    manifest = design.manifest
    simulator.run(manifest.memory.program.addr, budget=manifest.cycle_budget)
    found = compare(simulator.dram, design.computed, golden.run(design.graph, x)).values()
    return [str(d) for d in found if d.mismatches], sum(d.elements for d in found)


def elements(graph):
    """Of all results of a graph."""
    return sum(np.prod(graph.tensors[op.y].shape) for op in graph.ops)
