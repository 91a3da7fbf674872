"""Layer by layer: golden's integers against onnxruntime on the same QDQ model, from the same inputs.

    python bench/ort_agreement.py [--samples N] (--all | MODEL ...)
    python bench/ort_agreement.py MODEL --images FILE ... [--mean M ...] [--scale S] [--order RGB|BGR|L]

MODEL is an ONNX file (float or QDQ) or a built-in name; --all takes all of these. Without pictures a built-in network runs on
its own samples, any other on seeded noise. One row each goes to docs/networks.md. Exit code 1 where fewer than 99.9 % of a
layer's elements are equal, or one is off by more than 1.
"""

import argparse
import sys
from pathlib import Path

from page import NETWORKS, record

from hwcnn import models
from hwcnn.errors import InputError
from hwcnn.frontend import calibrate
from hwcnn.frontend.agreement import agreement
from hwcnn.frontend.importer import import_graph
from hwcnn.frontend.load import load
from hwcnn.frontend.pictures import Preprocess
from hwcnn.frontend.quantise import quantise

SECTION = "Agreement with onnxruntime"
INTRO = """Every layer's integers from the reference and from onnxruntime on the same quantised network and the same inputs: a
layer passes if at least 99.9 % of its elements are equal and none is off by more than 1; LRN, whose tables approximate,
needs only the latter. Made by `python bench/ort_agreement.py --all`."""


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--images", nargs="*", default=[])
    parser.add_argument("--mean", type=float, nargs="*", default=[127.5])
    parser.add_argument("--scale", type=float, default=1 / 127.5)
    parser.add_argument("--order", default="RGB")
    parser.add_argument("--samples", type=int, default=2, help="without pictures")
    parser.add_argument("--out", type=Path, default=NETWORKS)
    args = parser.parse_args(arguments)
    failed = 0
    for source in models.names() if args.all else args.models:
        try:
            rows = _rows(source, args)
        except InputError as e:
            print(e, file=sys.stderr)
            return 2
        _print(source, rows)
        if rows:
            record(SECTION, INTRO, _summary(source, rows), args.out)
        failed += not rows or not all(row.passed for row in rows)
    return 1 if failed else 0


def _rows(source, args):
    model = load(source)
    samples = _samples(source, model, args)
    qdq = quantise(model, samples)
    return agreement(qdq, import_graph(qdq, fused=False), samples)


def _samples(source, model, args):
    value = model.graph.input[0]
    if args.images:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        preprocess = Preprocess(mean=tuple(args.mean), scale=(args.scale,), order=args.order)
        return [{value.name: preprocess.load(path, shape)[None]} for path in args.images]
    if source in models.names():
        return [{value.name: sample} for sample in models.samples(source, args.samples)]
    return calibrate.random_samples(model, seed=1, count=args.samples)


def _print(source, rows):
    print(f"{source:40} {'op':8} {'elements':>10} {'equal %':>9} {'max diff':>8}")
    for row in rows:
        mark = "" if row.passed else "  FAILED"
        print(f"{row.name[:40]:40} {row.op:8} {row.elements:10} {row.percent:9.4f} {row.max_difference:8}{mark}")
    print(f"{len(rows)} layers, {sum(not row.passed for row in rows)} failed", flush=True)


def _summary(source, rows):
    lrn = [row.percent for row in rows if row.approximate]
    elements = sum(row.elements for row in rows)
    return {
        "network": Path(source).stem if Path(source).is_file() else source, "layers": str(len(rows)), "elements": f"{elements:,}",
        "equal %": f"{100 * sum(row.equal for row in rows) / elements:.4f}",
        "equal %, worst layer": f"{min(row.percent for row in rows if not row.approximate):.4f}",
        "equal %, worst LRN": f"{min(lrn):.2f}" if lrn else "-",
        "off by at most": str(max(row.max_difference for row in rows)), "failed": str(sum(not row.passed for row in rows)),
    }


if __name__ == "__main__":
    sys.exit(main())
