"""What is generated, as hashes: shows that a change of the code changes nothing else, or what it
changes.

Usage: python bench/fingerprint.py NETWORK ... [--pe 16x16 ...]

A line for each array: the first 16 digits of the SHA-256 of its Verilog, and its resources by
formula as 7-series cells. A line for each network on each array: the same of the program and of the
weight image, and the cycles of the cycle model.
"""

import argparse
import hashlib

from hwcnn import models
from hwcnn.config import AccelConfig
from hwcnn.cycles.replay import estimate
from hwcnn.estimate import formulas
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.scheduler.compile import compile_graph
from hwcnn.tile_ops import Program

#: Calibration samples of a network, as `hwcnn generate` takes them.
SAMPLES = 8


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pe", nargs="+", default=["16x16", "8x8", "32x32"])
    parser.add_argument("networks", nargs="+")
    options = parser.parse_args()
    configs = [AccelConfig.load(pe=pe) for pe in options.pe]
    for config in configs:
        used = formulas.total(formulas.components(config, "xc7"))
        print("verilog", config.pe, digest(accelerator_verilog(config).encode()), used, flush=True)
    for name in options.networks:
        model = load(name)
        source = model.graph.input[0].name
        samples = [{source: sample} for sample in models.samples(name, SAMPLES)]
        graph = import_graph(quantise(model, samples))
        for config in configs:
            compiled = compile_graph(graph, config)
            run = estimate(Program(compiled.ops, compiled.layer_count), config)
            hashes = digest(compiled.program), digest(compiled.weights.tobytes())
            print(name, config.pe, *hashes, run.cycles, flush=True)


if __name__ == "__main__":
    main()
