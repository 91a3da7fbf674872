"""Programs of the compiler in RTL on the smallest buffers, queues and FIFOs: two images, under
random stalls and without.
"""

import numpy as np
import pytest
from minimal import least
from random_networks import Builder, random_input, random_network
from test_weight_prefetch import chain

from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.sim import report, session
from hwcnn.sim.design import Design


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


NETWORKS = {
    "chain": lambda: chain(75),
    "affines": lambda: network((1, 20, 9, 9), affines),
    "in the pads": lambda: network(
        (2, 3, 1, 20), lambda b: b.conv("x", 5, (4, 8), 4, (4, 4, 0, 3))
    ),
    "tall windows": lambda: network((1, 3, 40, 5), tall_windows),
    "random": lambda: random_network(3, size=9, batch=2, layers=5),
}


@pytest.mark.parametrize("rows, cols, axi_bytes", [(4, 4, 16), (8, 4, 32), (4, 16, 64)])
def test_minimal(rows, cols, axi_bytes):
    config = least(rows, cols, axi_bytes)
    verilog = accelerator_verilog(config)
    for number, (name, make) in enumerate(NETWORKS.items()):
        graph = make()
        design = Design.compile(graph, config, verilog)
        images = [random_input(graph, seed) for seed in range(2)]
        elements = sum(np.prod(graph.tensors[op.y].shape) for op in graph.ops)
        for stalls in (None, number + 1):
            options = session.Options(read_latency=8 + 50 * number, stalls=stalls, optimise="-O0")
            result = session.simulate(design, images, options)
            assert report.mismatch_lines(design, result) == [], name
            compared = sum(d.elements for d in result.outcomes[1].differences.values())
            assert compared >= elements, name
