"""What int8 costs a network that restores pictures, and what a wider output could give back.

    python bench/restoration.py MODEL PICTURES_DIR [--noise SIGMA] [--calibrate DIR]
        [--range LOW HIGH] [--out PAGE]

MODEL: a built-in network or ONNX with one input of one or three channels, whose output is its
picture restored, of the same size. Pictures get Gaussian noise of that deviation (of 255, seeded;
0: they are given as they are), rounded to 0..255, and are prepared to --range. Ranges come from the
pictures of --calibrate, treated likewise, from a built-in network's own or from synthetic ones.
PSNR of three networks, in onnxruntime: float; int8; and int8 up to the last convolution, whose sums
and all that follows stay float, which is more than any wider output could keep. One row goes to
docs/networks.md. Exit code 1 where int8 loses over 0.3 dB.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
from page import NETWORKS, record

from hwcnn import models, pictures, synthetic
from hwcnn.errors import InputError
from hwcnn.frontend.model.load import load
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.preparation import SAMPLES
from hwcnn.preprocess import Preprocess
from hwcnn.sim.inputs import expand

SECTION = "Restored pictures"
INTRO = """\
PSNR in dB, the mean over the pictures. "Output in float": int8 up to the last convolution, whose
sums, and what follows, are not quantised: no wider output could give back more. "Ranges from
pictures": six, four of them textures, on which hidden layers reach less than half of what they
reach on those tested. Made by `python bench/restoration.py MODEL PICTURES_DIR --noise SIGMA`, in
onnxruntime."""
#: dB that int8 may lose.
BAR = 0.3


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--calibrate", type=Path)
    parser.add_argument("--range", type=float, nargs=2, default=(0.0, 1.0))
    parser.add_argument("--out", type=Path, default=NETWORKS)
    args = parser.parse_args(arguments)
    try:
        row, lost = measure(args)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    print("  ".join(f"{name} {value}" for name, value in row.items()))
    record(SECTION, INTRO, row, args.out)
    return 1 if lost > BAR else 0


def measure(args):
    """The row, and the dB that int8 loses."""
    model = load(args.model)
    (value,) = model.graph.input
    shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)[1:]
    low, high = args.range
    order = "L" if shape[0] == 1 else "RGB"
    scale = (high - low) / 255
    preprocess = Preprocess((-low / scale,), (scale,), order, resize=1.0)
    clean = [pictures.load(p, shape, preprocess)[None] for p in expand(args.pictures)]

    def noisy(x, seed):
        noise = args.noise * np.random.default_rng(seed).standard_normal(x.shape)
        return np.clip(np.rint((x - low) / scale + noise), 0, 255).astype(np.float32) * scale + low

    given = [noisy(x, seed).astype(np.float32) for seed, x in enumerate(clean)]
    source = "pictures"
    if args.calibrate:
        chosen = [pictures.load(p, shape, preprocess)[None] for p in expand(args.calibrate)]
        samples = [{value.name: noisy(x, 1000 + n)} for n, x in enumerate(chosen)]
    elif args.model in models.names():
        source, samples = "its own", models.feeds(args.model, {value.name: shape}, SAMPLES)
    else:
        made = [synthetic.picture(shape[1], shape[2], shape[0], n) for n in range(SAMPLES)]
        chosen = [pictures.prepare(p, shape, preprocess)[None] for p in made]
        source, samples = "synthetic", [{value.name: noisy(x, n)} for n, x in enumerate(chosen)]
    quantised = quantise(model, samples, correct_bias=source == "pictures")
    networks = {
        "float": model,
        "int8": quantised,
        "output in float": float_end(quantised),
    }
    found = {}
    for name, network in networks.items():
        run = session(network)
        results = [run.run(None, {value.name: x})[0] for x in given]
        found[name] = np.mean([psnr(y, x, high - low) for y, x in zip(results, clean, strict=True)])
    before = np.mean([psnr(y, x, high - low) for y, x in zip(given, clean, strict=True)])
    row = {
        "network": f"{Path(args.model).stem}, noise of {args.noise:g}, ranges from {source}",
        "pictures": str(len(clean)),
        "given": f"{before:.2f}",
        **{name: f"{value:.2f}" for name, value in found.items()},
    }
    return row, found["float"] - found["int8"]


def psnr(found, clean, peak):
    """Peak signal to noise, dB."""
    return 10 * np.log10(peak**2 / np.mean(np.square(found.astype(np.float64) - clean)))


def float_end(quantised):
    """A copy without QuantizeLinear and DequantizeLinear behind the last convolution."""
    model = onnx.ModelProto()
    model.CopyFrom(quantised)
    nodes = list(model.graph.node)
    last = max(i for i, n in enumerate(nodes) if n.op_type in ("Conv", "ConvTranspose", "Gemm"))
    late, instead, kept = set(nodes[last].output), {}, []
    for node in nodes:
        for i, name in enumerate(node.input):
            node.input[i] = instead.get(name, name)
        if late.intersection(node.input):
            late |= set(node.output)
            if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                instead[node.output[0]] = node.input[0]
                continue
        kept.append(node)
    for output in model.graph.output:
        if output.name in instead:
            kept.append(onnx.helper.make_node("Identity", [instead[output.name]], [output.name]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


if __name__ == "__main__":
    sys.exit(main())
