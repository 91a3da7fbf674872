"""What keeping maps on chip could win at most: a replay on memory that answers at once, over the
bus as it is and over one of 64 bytes a cycle.

Usage: python bench/on_chip.py NETWORK_OR_FILE ... [--pe 16x16] [--axi-bytes 16]

A line for each network: cycles by the cycle model; on memory without latency; and over the wide bus
too, where a beat carries 64 bytes of weights and maps alike. No chain of layers on chip can win
more.
"""

import argparse
import dataclasses

from hwcnn.config import AccelConfig
from hwcnn.cycles.dispatch import Dispatch
from hwcnn.cycles.engines import USUAL, Timing
from hwcnn.cycles.event_model import EventModel
from hwcnn.cycles.replay import replay
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.calibrate import random_samples
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.scheduler.compile import compile_graph

WIDE = 64


def cycles(ops, config, timing):
    """Of a program, on memory of some timing."""
    model = EventModel(config, timing)
    dispatch = Dispatch(ops, config, timing.latency, model.fetch)
    return max(over for _, over in replay(model, dispatch))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--axi-bytes", type=int, default=16)
    options = parser.parse_args()
    config = dataclasses.replace(AccelConfig.load(pe=options.pe), axi_bytes=options.axi_bytes)
    wide = dataclasses.replace(config, axi_bytes=WIDE)
    for name in options.networks:
        model = load(name)
        ops = compile_graph(import_graph(quantise(model, random_samples(model))), config).ops
        now, at_once = (cycles(ops, config, timing) for timing in (USUAL, Timing(0, 0)))
        both = cycles(ops, wide, Timing(0, 0))
        shares = (f"{found:,} ({found / now - 1:+.1%})" for found in (at_once, both))
        print(name, options.pe, f"{now:,}", *shares, flush=True)


if __name__ == "__main__":
    main()
