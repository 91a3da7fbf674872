"""Top-1 of float (onnxruntime) and of the accelerator on labelled pictures.

    python bench/accuracy.py MODELS_DIR IMAGES_DIR [--calibrate FILE ...] [--calibration METHOD]
    [--no-bias-correction] [--pe RxC] [--rtl N] [NAME ...]

MODELS_DIR holds ONNX files whose names are known below (NAME: only these). Pictures are called
DATASET_..._LABEL.ext. All of a network's pictures run in the ISA engine, the first N in RTL too;
every tensor is compared with the reference. Calibration takes the same pictures unless others are
given. One row each goes to docs/networks.md. Exit code 1 for a mismatch, or where the accelerator
is right on two pictures fewer than float.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from page import NETWORKS, record

from hwcnn import golden, pictures
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.model.session import session as onnxruntime_session
from hwcnn.frontend.quantise.calibrate import METHODS
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.preprocess import Preprocess
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.scheduler.compile import compile_graph
from hwcnn.sim import session
from hwcnn.sim.design import Design

SECTION = "Trained networks on pictures"
INTRO = """\
Pictures whose class (top-1) the float network and the accelerator's program find; "as float" counts
the pictures on which the two agree. Calibrated with the same pictures. Made by
`python bench/accuracy.py MODELS_DIR IMAGES_DIR`."""


@dataclass(frozen=True)
class Trial:
    """dataset : first word of its pictures' names. first : class index of label 0; None where its
    classes are not the labels'.
    """

    preprocess: Preprocess
    dataset: str = "imagenet"
    first: int | None = 0


KNOWN = {
    "squeezenet1_1_imagenet": Trial(Preprocess((103.939, 116.779, 123.68), (1.0,), "BGR")),
    "mobilenet_v1_imagenet1001": Trial(Preprocess((127.5,), (1 / 127.5,), "RGB"), first=1),
    "tinyml_resnet8_cifar10": Trial(Preprocess((127.5,), (1 / 127.5,), "RGB"), "cifar10"),
    "tinyml_vww_mobilenetv1_025": Trial(Preprocess((0.0,), (1.0,), "RGB"), first=None),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("names", nargs="*", default=list(KNOWN), metavar="NAME")
    parser.add_argument("--calibrate", nargs="*", type=Path)
    parser.add_argument("--calibration", choices=METHODS, default=METHODS[0])
    parser.add_argument("--bias-correction", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--rtl", type=int, default=0, metavar="N", help="pictures to run in RTL")
    parser.add_argument("--out", type=Path, default=NETWORKS)
    args = parser.parse_args(arguments)
    found = [
        path
        for stem in KNOWN
        if stem in args.names and (path := args.models / f"{stem}.onnx").is_file()
    ]
    if not found:
        print(f"{args.models}: holds none of {', '.join(args.names)}", file=sys.stderr)
        return 2
    bad = 0
    try:
        for path in found:
            row, passed = measure(path, KNOWN[path.stem], args)
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            record(SECTION, INTRO, row, args.out)
            bad += not passed
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 1 if bad else 0


def measure(path, trial, args):
    """The row of one network, and whether the accelerator is exact and about as right as float."""
    model = load(path)
    (value,) = model.graph.input
    shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
    files = sorted(p for p in args.images.iterdir() if p.name.split("_")[0] == trial.dataset)
    x = [pictures.load(p, shape, trial.preprocess)[None] for p in files]
    chosen = (
        x
        if not args.calibrate
        else [pictures.load(p, shape, trial.preprocess)[None] for p in args.calibrate]
    )
    graph = import_graph(
        quantise(
            model,
            [{value.name: one} for one in chosen],
            method=args.calibration,
            correct_bias=args.bias_correction,
        )
    )
    run = onnxruntime_session(model)
    real = [int(np.argmax(run.run(None, {value.name: one})[0])) for one in x]
    found, compared, mismatches = _isa_and_rtl(graph, x, AccelConfig.load(pe=args.pe), args.rtl)
    hits = ["-", "-"]
    if trial.first is not None:
        labels = [int(p.stem.rsplit("_", 1)[1]) + trial.first for p in files]
        hits = [_same(result, labels) for result in (real, found)]
    row = {
        "network": path.stem,
        "pictures": len(x),
        "float": hits[0],
        "accelerator": hits[1],
        "as float": _same(real, found),
        "in RTL too": min(args.rtl, len(x)),
        "values compared": f"{compared:,}",
        "mismatches": mismatches,
    }
    return {name: str(cell) for name, cell in row.items()}, not mismatches and (
        trial.first is None or hits[1] >= hits[0] - 1
    )


def _same(a, b):
    return sum(x == y for x, y in zip(a, b, strict=True))


def _isa_and_rtl(graph, x, config, in_rtl):
    """(classes that the ISA engine finds, values compared, mismatches), the last two with those of
    the first pictures in RTL.
    """
    compiled = compile_graph(graph, config)
    verilog = accelerator_verilog(config) if in_rtl else ""
    design = Design(config, compiled.manifest, compiled.program, compiled.weights, verilog, graph)
    inputs = [{name: golden.quantise_input(graph, name, one) for name in graph.inputs} for one in x]
    outcomes = session.simulate(design, inputs, session.Options("isa")).outcomes
    classes = [
        int(np.argmax(next(iter(golden.host_outputs(graph, o.outputs).values())))) for o in outcomes
    ]
    if in_rtl:
        outcomes += session.simulate(design, inputs[:in_rtl], session.Options("rtl")).outcomes
    differences = [d for outcome in outcomes for d in outcome.differences.values()]
    return classes, sum(d.elements for d in differences), sum(d.mismatches for d in differences)


if __name__ == "__main__":
    sys.exit(main())
