"""Layer by layer: golden's integers against onnxruntime on the same QDQ model, from the same
inputs.

    python bench/ort_agreement.py [--samples N] (--all | MODEL ...)
    python bench/ort_agreement.py MODEL --images FILE ... [--mean M ...] [--scale S]
                                  [--order RGB|BGR|L]
    python bench/ort_agreement.py --random N [--seed S]

MODEL is an ONNX file (float or QDQ) or a built-in name; --all takes all of these. Without pictures
a built-in network runs on its own samples, any other on seeded noise. --random takes N networks of
one operator each (random_operators.py), and compares both with exact arithmetic. One row each goes
to docs/networks.md. Exit code 1 where fewer than 99.9 % of a layer's elements are equal, or one is
off by more than 1.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
from page import NETWORKS, record
from random_operators import OPERATORS, Case, Maker

from hwcnn import golden, models, pictures
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise import calibrate
from hwcnn.frontend.quantise.agreement import Agreement, agreement
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.preprocess import Preprocess

SECTION = "Agreement with onnxruntime"
INTRO = """Every layer's integers from the reference and from onnxruntime on the same quantised
network and the same inputs: a layer passes if at least 99.9 % of its elements are equal and none is
off by more than 1; LRN, whose tables approximate, needs only the latter. Made by
`python bench/ort_agreement.py --all`."""

RANDOM = "Operators on random scales"
ABOUT_RANDOM = """Networks of one operator with random geometry, scales and zero points; of pools,
means, resampling and sums half have the scale of their operand, which puts results on ties, halfway
between two steps. Both the reference and onnxruntime are compared with exact arithmetic, which
rounds ties to even as ONNX defines; onnxruntime computes in float32, which decides its ties.
"Beside ties": of the results that are none, those that differ. Where it resizes with align_corners,
or by large factors, rows are rounded before columns. Made by
`python bench/ort_agreement.py --random 200`."""
#: How near to halfway between two steps a result in float64 is a tie.
NEAR_TIE = 1e-7


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--images", nargs="*", default=[])
    parser.add_argument("--mean", type=float, nargs="*", default=[127.5])
    parser.add_argument("--scale", type=float, default=1 / 127.5)
    parser.add_argument("--order", default="RGB")
    parser.add_argument("--samples", type=int, default=2, help="without pictures")
    parser.add_argument(
        "--random", type=int, default=0, metavar="N", help="networks of each operator"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=NETWORKS)
    args = parser.parse_args(arguments)
    failed = sum(not _random(name, args) for name in OPERATORS) if args.random else 0
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


def _random(name: str, args: argparse.Namespace) -> bool:
    """Compare and record `args.random` networks of an operator; True where no element is off by
    more than 1.
    """
    refused, differences, ties = 0, {"golden": [], "onnxruntime": [], "both": []}, []
    for i in range(args.random):
        case = OPERATORS[name](
            Maker(np.random.default_rng([args.seed, list(OPERATORS).index(name), i]))
        )
        try:
            ours, theirs = _both(case)
        except InputError:
            refused += 1
            continue
        exact = np.clip(np.rint(case.real) + case.zero, -128, 127).astype(int).ravel()
        pairs = {"golden": (ours, exact), "onnxruntime": (theirs, exact), "both": (ours, theirs)}
        for key, (a, b) in pairs.items():
            differences[key].append(np.abs(a - b))
        ties.append(np.abs(case.real - np.floor(case.real) - 0.5).ravel() < NEAR_TIE)
    ties, found = (
        np.concatenate(ties),
        {key: np.concatenate(d) for key, d in differences.items()},
    )
    row = {
        "operator": name,
        "networks": str(args.random),
        "refused": str(refused),
        "elements": f"{ties.size:,}",
    }
    row["ties %"] = f"{100 * ties.mean():.3f}"
    for key, words in (("golden", "reference"), ("onnxruntime", "onnxruntime")):
        row[f"{words} not exact %"] = f"{100 * (found[key] > 0).mean():.3f}"
        row[f"{words}, beside ties %"] = f"{100 * ((found[key] > 0) & ~ties).mean():.3f}"
    row |= {
        "reference not as onnxruntime %": f"{100 * (found['both'] > 0).mean():.3f}",
        "off by at most": str(found["both"].max()),
    }
    print(", ".join(f"{key}: {value}" for key, value in row.items()), flush=True)
    record(RANDOM, ABOUT_RANDOM, row, args.out)
    return found["both"].max() <= 1


def _both(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """(golden's, onnxruntime's int8 results of a `Case`), flat."""
    graph = import_graph(case.model)
    inputs = {
        n: golden.quantise_input(graph, n, case.feed[n]).reshape(graph.tensors[n].shape)
        for n in graph.inputs
    }
    ours = golden.run(graph, inputs)[graph.outputs[0]]
    (theirs,) = session(case.model, outputs=["y"]).run(["y"], case.feed)
    return ours.astype(int).ravel(), theirs.astype(int).ravel()


def _rows(source: str, args: argparse.Namespace) -> list[Agreement]:
    model = load(source)
    samples = _samples(source, model, args)
    qdq = quantise(model, samples)
    return agreement(qdq, import_graph(qdq, fused=False), samples)


def _samples(
    source: str, model: onnx.ModelProto, args: argparse.Namespace
) -> list[dict[str, np.ndarray]]:
    value = model.graph.input[0]
    if args.images:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        preprocess = Preprocess(mean=tuple(args.mean), scale=(args.scale,), order=args.order)
        return [{value.name: pictures.load(path, shape, preprocess)[None]} for path in args.images]
    if source in models.names():
        return [{value.name: sample} for sample in models.samples(source, args.samples)]
    return calibrate.random_samples(model, seed=1, count=args.samples)


def _print(source: str, rows: list[Agreement]) -> None:
    print(f"{source:40} {'op':8} {'elements':>10} {'equal %':>9} {'max diff':>8}")
    for row in rows:
        mark = "" if row.passed else "  FAILED"
        print(
            f"{row.name[:40]:40} {row.op:8} {row.elements:10} {row.percent:9.4f} "
            f"{row.max_difference:8}{mark}"
        )
    print(f"{len(rows)} layers, {sum(not row.passed for row in rows)} failed", flush=True)


def _summary(source: str, rows: list[Agreement]) -> dict[str, str]:
    lrn = [row.percent for row in rows if row.approximate]
    elements = sum(row.elements for row in rows)
    return {
        "network": Path(source).stem if Path(source).is_file() else source,
        "layers": str(len(rows)),
        "elements": f"{elements:,}",
        "equal %": f"{100 * sum(row.equal for row in rows) / elements:.4f}",
        "equal %, worst layer": f"{min(row.percent for row in rows if not row.approximate):.4f}",
        "equal %, worst LRN": f"{min(lrn):.2f}" if lrn else "-",
        "off by at most": str(max(row.max_difference for row in rows)),
        "failed": str(sum(not row.passed for row in rows)),
    }


if __name__ == "__main__":
    sys.exit(main())
