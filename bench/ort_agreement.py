"""Layer by layer: golden's integers against onnxruntime on the same QDQ model, from the same inputs.

    python bench/ort_agreement.py MODEL [--images FILE ...] [--mean M ...] [--scale S] [--order RGB|BGR|L] [--samples N]

MODEL is an ONNX file (float or QDQ) or a built-in name. Without pictures the inputs are seeded noise. Exit code 1 where
fewer than 99.9 % of a layer's elements are equal, or one is off by more than 1.
"""

import argparse
import sys

from hwcnn.errors import InputError
from hwcnn.frontend import calibrate
from hwcnn.frontend.agreement import agreement
from hwcnn.frontend.importer import import_graph
from hwcnn.frontend.load import load
from hwcnn.frontend.pictures import Preprocess
from hwcnn.frontend.quantise import quantise


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--images", nargs="*", default=[])
    parser.add_argument("--mean", type=float, nargs="*", default=[127.5])
    parser.add_argument("--scale", type=float, default=1 / 127.5)
    parser.add_argument("--order", default="RGB")
    parser.add_argument("--samples", type=int, default=2, help="of noise, without pictures")
    args = parser.parse_args(arguments)
    try:
        model = load(args.model)
        samples = _samples(model, args)
        qdq = quantise(model, samples)
        rows = agreement(qdq, import_graph(qdq, fused=False), samples)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    print(f"{'layer':40} {'op':8} {'elements':>10} {'equal %':>9} {'max diff':>8}")
    for row in rows:
        mark = "" if row.passed else "  FAILED"
        equal = 100 * row.equal / row.elements
        print(f"{row.name[:40]:40} {row.op:8} {row.elements:10} {equal:9.4f} {row.max_difference:8}{mark}")
    failed = sum(not row.passed for row in rows)
    print(f"{len(rows)} layers, {failed} failed")
    return 1 if failed or not rows else 0


def _samples(model, args):
    if not args.images:
        return calibrate.random_samples(model, seed=1, count=args.samples)
    value = model.graph.input[0]
    shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
    preprocess = Preprocess(mean=tuple(args.mean), scale=(args.scale,), order=args.order)
    return [{value.name: preprocess.load(path, shape)[None]} for path in args.images]


if __name__ == "__main__":
    sys.exit(main())
