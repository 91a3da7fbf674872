"""What each way to calibrate keeps of a trained network: top-1 and SQNR on labelled pictures.

    python bench/calibration.py MODELS_DIR IMAGES_DIR [--methods METHOD ...] [NAME ...]

Folders and names are those of bench/accuracy.py. The quantised networks run in onnxruntime, whose
results are the accelerator's but for ties (bench/ort_agreement.py). "Same": calibrated with the
pictures that are tested. "Other half": each half of the pictures is tested with ranges from the
other half. "Synthetic": no pictures at all. One row each goes to docs/networks.md. Exit code 1
where the default is right on two pictures fewer than float in either test.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from accuracy import KNOWN
from page import NETWORKS, record

from hwcnn import pictures, synthetic
from hwcnn.errors import InputError
from hwcnn.frontend.model.load import load
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.calibrate import METHODS
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.preparation import SAMPLES
from hwcnn.quality import sqnr_db

SECTION = "Calibration"
INTRO = """\
Trained networks on 20 pictures, of which float has "float" right. "Other half": each half of the
pictures is tested with ranges from the other one, so no picture is tested with its own. SQNR is
that of the values before the softmax. "Corrected": with bias correction, the default where there
are pictures. Made by `python bench/calibration.py MODELS_DIR IMAGES_DIR`, in onnxruntime."""


@dataclass(frozen=True)
class Case:
    """A network and its pictures. x, stand_ins : float32 [1, C, H, W] each. labels : None where
    its classes are not those of the pictures. scores : [pictures, classes], before the softmax.
    """

    name: str
    model: onnx.ModelProto
    input: str
    x: list[np.ndarray]
    stand_ins: list[np.ndarray]
    labels: np.ndarray | None
    scores: np.ndarray


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("names", nargs="*", default=list(KNOWN), metavar="NAME")
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--out", type=Path, default=NETWORKS)
    args = parser.parse_args(arguments)
    found = [p for n in args.names if (p := args.models / f"{n}.onnx").is_file() and n in KNOWN]
    if not found:
        print(f"{args.models}: holds none of {', '.join(args.names)}", file=sys.stderr)
        return 2
    bad = 0
    try:
        for path in found:
            case = load_case(path, args.images)
            for method in args.methods:
                for corrected in (False, True):
                    row, short = measure(case, method, corrected)
                    print("  ".join(f"{k} {v}" for k, v in row.items()), flush=True)
                    record(SECTION, INTRO, row, args.out)
                    bad += method == METHODS[0] and corrected and short > 1
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 1 if bad else 0


def load_case(path, images):
    """The Case of a network that bench/accuracy.py knows."""
    trial, model = KNOWN[path.stem], load(path)
    (value,) = model.graph.input
    shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)[1:]
    files = sorted(p for p in images.iterdir() if p.name.split("_")[0] == trial.dataset)
    x = [pictures.load(p, shape, trial.preprocess)[None] for p in files]
    labels = None
    if trial.first is not None:
        labels = np.array([int(p.stem.rsplit("_", 1)[1]) + trial.first for p in files])
    made = [synthetic.picture(shape[1], shape[2], shape[0], seed) for seed in range(SAMPLES)]
    stand_ins = [pictures.prepare(p, shape, trial.preprocess)[None] for p in made]
    scores = run(model, value.name, x)
    return Case(path.stem, model, value.name, x, stand_ins, labels, scores)


def run(model, name, x):
    """[pictures, classes]: what the last softmax reads, or the output."""
    last = [n for n in model.graph.node if n.op_type == "Softmax"]
    output = last[-1].input[0] if last else model.graph.output[0].name
    runs = session(model, outputs=[output])
    return np.concatenate([runs.run([output], {name: one})[0].reshape(1, -1) for one in x])


def measure(case, method, corrected):
    """The row of a method, and by how many pictures it falls short of float at most."""

    def scores(chosen, tested):
        samples = [{case.input: one} for one in chosen]
        made = quantise(case.model, samples, method=method, correct_bias=corrected)
        return run(made, case.input, tested)

    halves = [slice(0, None, 2), slice(1, None, 2)]
    other = np.empty_like(case.scores)
    for this, that in (halves, halves[::-1]):
        other[this] = scores(case.x[that], case.x[this])
    found = {
        "same": scores(case.x, case.x),
        "other half": other,
        "synthetic": scores(case.stand_ins, case.x),
    }
    real = case.scores.argmax(axis=1)
    row = {"network": f"{case.name}, {method}{', corrected' * corrected}"}
    row["float"] = "-" if case.labels is None else str((real == case.labels).sum())
    short = 0
    for name, value in found.items():
        top = value.argmax(axis=1)
        if case.labels is not None:
            right = int((top == case.labels).sum())
            row[f"{name}: right"] = str(right)
            short = max(short, int(row["float"]) - right) if name != "synthetic" else short
        else:
            row[f"{name}: right"] = "-"
        row[f"{name}: as float"] = str((top == real).sum())
        row[f"{name}: SQNR, dB"] = f"{sqnr_db(case.scores, value):.1f}"
    return row, short


if __name__ == "__main__":
    sys.exit(main())
