"""What arrays of many multipliers get out of a network, and what a third dimension would change:
docs/wide_arrays.md.

Usage: python bench/wide_arrays.py [NETWORK ...]

An array of RxCxP would be P arrays of R x C PEs. For each layer they either share the weights and
take different pixels, or take the same pixels and different blocks of output channels, or both (P =
p*q). No such accelerator exists here: its figures are bounds, as `scheduler/bound.py` makes them;
those of the arrays that do exist are of the cycle model too.
"""

import argparse
import dataclasses
import math
from pathlib import Path

from hwcnn import ir, models
from hwcnn.config import AccelConfig
from hwcnn.cycles.replay import estimate
from hwcnn.estimate import formulas
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.manifest import Bound
from hwcnn.scheduler.bound import array_passes, layer_bound
from hwcnn.scheduler.compile import compile_graph
from hwcnn.scheduler.rewrite.pipeline import rewrite
from hwcnn.sim.layer_cycles import convolutional_layers
from hwcnn.tile_ops import Program

PAGE = Path(__file__).parents[1] / "docs" / "wide_arrays.md"
NETWORKS = ("squeezenet1.1", "googlenet", "alexnet", "mobilenet", "mobilenetv2", "resnet18")
NETWORKS += ("densenet121", "resnet50", "vgg16")
#: (rows, columns, arrays) and bytes of the bus.
SHAPES = (
    *((shape, 32) for shape in ((32, 32, 1), (16, 32, 2), (16, 16, 4))),
    *((shape, 64) for shape in ((32, 64, 1), (32, 32, 2), (16, 32, 4), (16, 16, 8))),
)
MAX_COLS = 64
#: What P arrays have P times, as the components of `estimate.formulas`; the rest once.
TIMES_P = ("array", "accumulators", "post", "vector", "store")


def bound(graph, rows, cols, arrays, axi_bytes):
    """(the bounds of all layers, side by side; their MACs), fully connected ones at the end left
    out. Post and vector engine handle `arrays` vectors at a time.
    """
    config = AccelConfig(rows=rows, cols=cols, axi_bytes=axi_bytes)
    rewritten = rewrite(graph, config)
    total, macs = Bound(), 0
    for op in rewritten.ops:
        if getattr(op, "fully_connected", False):
            continue
        found = layer_bound(op, rewritten.tensors, config)
        if isinstance(op, ir.ARRAY_OPS):
            cycles = array_cycles(op, rewritten.tensors, config, arrays)
            found = dataclasses.replace(found, array=cycles)
        total += dataclasses.replace(found, vector=-(-found.vector // arrays))
        macs += ir.macs(op, rewritten)
    return total, macs


def array_cycles(op, tensors, config, arrays):
    """Cycles of a layer on `arrays` arrays, shared out in the best way between pixels and output
    blocks.
    """
    found = []
    for blocks in (2**k for k in range(arrays.bit_length()) if config.cols << k <= MAX_COLS):
        wide = dataclasses.replace(config, cols=config.cols * blocks)
        passes, pixels = array_passes(op, tensors, wide)
        found.append(passes * max(math.ceil(pixels / (arrays // blocks)), config.rows))
    return min(found)


def modelled(graph, config):
    """(cycles of the whole run, MAC utilisation without the fully connected layers at the end) by
    the cycle model.
    """
    compiled = compile_graph(graph, config)
    run = estimate(Program(compiled.ops, compiled.layer_count), config)
    last = convolutional_layers(compiled.manifest.layers)
    macs = sum(layer.macs for layer in compiled.manifest.layers[:last])
    return run.cycles, macs / (config.rows * config.cols) / sum(run.layers[:last])


def luts(rows, cols, arrays, axi_bytes):
    """(LUTs, DSPs, block RAMs) of 7-series by formula."""
    config = AccelConfig(rows=rows, cols=cols, axi_bytes=axi_bytes)
    used = formulas.components(config, "xc7")
    scaled = {name: n * (arrays if name in TIMES_P else 1) for name, n in used.items()}
    total = formulas.total(scaled)
    return total.luts, total.dsps, total.brams


def row(graph, name):
    """The table's cells of a network."""
    cells = [name]
    for (rows, cols, arrays), axi_bytes in SHAPES:
        total, macs = bound(graph, rows, cols, arrays, axi_bytes)
        cell = f"{macs / (rows * cols * arrays) / total.cycles:.0%}"
        if arrays == 1:
            config = AccelConfig(rows=rows, cols=cols, axi_bytes=axi_bytes)
            cycles, used = modelled(graph, config)
            cell = f"{cycles:,} ({used:.1%}) of {cell}"
        cells.append(cell)
    return cells


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    networks = parser.parse_args().networks
    names = ["x".join(str(n) for n in shape if n > 1) for shape, _ in SHAPES]
    lines = [["network", *names], ["---", *["---:"] * len(names)]]
    for name in networks:
        model = load(name)
        source = model.graph.input[0].name
        graph = import_graph(quantise(model, [{source: x} for x in models.samples(name, 8)]))
        lines.append(row(graph, name))
        print(*lines[-1], flush=True)
    for i, kind in enumerate(("LUTs", "DSPs", "block RAMs")):
        lines.append([kind, *(f"{luts(*shape, axi)[i]:,.0f}" for shape, axi in SHAPES)])
        print(*lines[-1], flush=True)
    text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    head, _, rest = PAGE.read_text().partition("<!-- table -->\n")
    _, mark, tail = rest.partition("<!-- end -->\n")
    PAGE.write_text(f"{head}<!-- table -->\n{text}{mark}{tail}")


if __name__ == "__main__":
    main()
