"""The topologies that come with the onnx package, whose weights are left out: filled by seed,
compiled, compared bit by bit.

    python bench/light.py [--pe RxC] [--seed N] [--rtl NAME ...] [--all | NAME ...]

Each network runs in the ISA engine, and those after --rtl in RTL too; every tensor is compared with
the reference. One row each goes to docs/networks.md. Exit code 1 for a mismatch, a layer that does
not agree with onnxruntime (see ort_agreement.py), or a network that is refused.
"""

import argparse
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend import test as backend_test
from page import NETWORKS, record

import hwcnn
from hwcnn import artifact, golden
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.quantise.agreement import agreement
from hwcnn.frontend.quantise.calibrate import random_samples
from hwcnn.sim import report, session
from hwcnn.sim.network import Network

FOLDER = Path(backend_test.__file__).parent / "data" / "light"
SECTION = "Topologies of the onnx package"
INTRO = """\
Published networks as others exported them (`onnx/backend/test/data/light`), at full size, with
seeded weights. "Fewest values" is the least number of different int8 values in a tensor (of 256
elements or more): all stay alive. "As onnxruntime" is the layer that agrees least with it. Made by
`python bench/light.py --all --rtl NAME ...`."""
#: Parameters by the operator that reads them and its input: mean and deviation. Weights follow from
#: their shape instead.
PARAMETERS = {
    ("Conv", 2): (0, 0.1),
    ("Gemm", 2): (0, 0.1),
    ("Mul", 1): (1, 0.1),
    ("Add", 1): (0, 0.1),
    ("BatchNormalization", 1): (1, 0.1),
    ("BatchNormalization", 2): (0, 0.1),
    ("BatchNormalization", 3): (0, 0.1),
    ("BatchNormalization", 4): (1, 0.1),
}
WEIGHTS = {("Conv", 1), ("Gemm", 1)}


def names():
    """The networks by name, without what their files have in common."""
    return [path.stem.removeprefix("light_") for path in sorted(FOLDER.glob("*.onnx"))]


def model(name, seed=0):
    """The network as onnx.ModelProto with weights by seed, network and tensor: normal, with the
    variance 2 / fan-in (He).
    """
    found = onnx.load(FOLDER / f"light_{name}.onnx")
    graph = found.graph
    shapes = {i.name: list(i.dims) for i in graph.initializer}
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    shapes |= {
        n.output[0]: values[n.input[0]].tolist()
        for n in graph.node
        if n.op_type == "ConstantOfShape"
    }
    source = {n.output[0]: n.input[0] for n in graph.node if n.op_type in ("Reshape", "Unsqueeze")}
    filled = {}
    for node in graph.node:
        for index, tensor in enumerate(node.input):
            tensor, use = source.get(tensor, tensor), (node.op_type, index)
            if tensor in shapes and (use in WEIGHTS or use in PARAMETERS):
                rng = np.random.default_rng(
                    [seed, zlib.crc32(name.encode()), zlib.crc32(tensor.encode())]
                )
                _, *fan_in = (size for size in shapes[tensor] if size > 1)
                mean, deviation = PARAMETERS.get(use) or (0, np.sqrt(2 / np.prod(fan_in)))
                filled[tensor] = rng.normal(mean, deviation, shapes[tensor]).astype(np.float32)
    nodes = [n for n in graph.node if n.output[0] not in filled]
    kept = [i for i in graph.initializer if i.name not in filled]
    inputs = [i for i in graph.input if i.name not in shapes]
    for field, items in (("node", nodes), ("initializer", kept), ("input", inputs)):
        graph.ClearField(field)
        getattr(graph, field).extend(items)
    graph.initializer.extend(
        numpy_helper.from_array(array, tensor) for tensor, array in filled.items()
    )
    return found


def measure(name, config, seed, engines):
    """A network's row, and whether it is right in all engines and agrees with onnxruntime."""
    with tempfile.TemporaryDirectory() as scratch:
        path, out = Path(scratch) / f"{name}.onnx", Path(scratch) / "generated"
        onnx.save(model(name, seed), path)
        made = hwcnn.generate(path, config=config, out=out, seed=seed)
        (design,) = Network.of(artifact.Generated(out)).designs
        (sample,) = random_samples(onnx.load(path), seed + 1, count=1)
        x = {
            name: golden.quantise_input(design.graph, name, value) for name, value in sample.items()
        }
        quantised = onnx.load(out / "quantized.onnx")
        layers = agreement(quantised, import_graph(quantised, fused=False), [sample])
        found = {
            engine: session.simulate(design, [x], session.Options(engine)) for engine in engines
        }
    figures = {
        engine: report.figures(design, session.Options(engine), result)
        for engine, result in found.items()
    }
    tensors = found["isa"].outcomes[0].tensors.values()
    in_rtl = figures.get("rtl")
    least = min(layer.percent for layer in layers if not layer.approximate)
    return {
        "network": name,
        "GMAC": f"{made.macs / 1e9:.3f}",
        "million parameters": f"{made.params / 1e6:.2f}",
        "fewest values": str(min(len(np.unique(t)) for t in tensors if t.size >= 256)),
        "as onnxruntime, %": f"{least:.3f}",
        "values compared": f"{figures['isa'].elements_compared:,}",
        "mismatches, ISA": str(figures["isa"].mismatches),
        "mismatches, RTL": str(in_rtl.mismatches) if in_rtl else "-",
        "cycles": f"{in_rtl.cycles:,}" if in_rtl else "-",
    }, not any(found.mismatches for found in figures.values()) and all(
        layer.passed for layer in layers
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NAME", help=", ".join(names()))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--rtl", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=NETWORKS)
    args = parser.parse_args(arguments)
    wanted = names() if args.all else list(dict.fromkeys([*args.networks, *args.rtl]))
    if unknown := sorted(set(wanted) - set(names())):
        parser.error(f"{unknown[0]} is none of {', '.join(names())}")
    config, bad = AccelConfig.load(pe=args.pe), 0
    for name in wanted:
        try:
            row, passed = measure(
                name, config, args.seed, ("isa", "rtl") if name in args.rtl else ("isa",)
            )
        except InputError as e:
            print(f"{name}: {e}", file=sys.stderr)
            bad += 1
            continue
        print("  ".join(row.values()), flush=True)
        record(SECTION, INTRO, row, args.out)
        bad += not passed
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
