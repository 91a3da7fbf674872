"""Top-1 of float (onnxruntime) and of the integer network on labelled pictures.

    python bench/accuracy.py MODELS_DIR IMAGES_DIR [--calibrate FILE ...] [--engine golden|isa] [--percentile P] [--pe
    RxC]

MODELS_DIR holds ONNX files whose names are known below. Pictures are called DATASET_..._LABEL.ext; a network is tested
on those whose DATASET occurs in its file name. Calibration takes the same pictures unless others are given.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from hwcnn import golden
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.frontend.importer import import_graph
from hwcnn.frontend.load import load
from hwcnn.frontend.pictures import Preprocess
from hwcnn.frontend.prepare import session
from hwcnn.frontend.quantise import quantise
from hwcnn.scheduler.compile import compile_graph
from hwcnn.sim import isa_engine
from hwcnn.sim.simulate import Design

#: File name to how its pictures are prepared, and the class index of label 0.
KNOWN = {
    "squeezenet1_1_imagenet": (Preprocess((103.939, 116.779, 123.68), (1.0,), "BGR"), 0),
    "mobilenet_v1_imagenet1001": (Preprocess((127.5,), (1 / 127.5,), "RGB"), 1),
    "tinyml_resnet8_cifar10": (Preprocess((127.5,), (1 / 127.5,), "RGB"), 0),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--calibrate", nargs="*", type=Path)
    parser.add_argument("--engine", choices=("golden", "isa"), default="golden")
    parser.add_argument("--percentile", type=float)
    parser.add_argument("--pe", default="16x16", help="array of the isa engine")
    args = parser.parse_args(arguments)
    found = [path for stem in KNOWN if (path := args.models / f"{stem}.onnx").is_file()]
    if not found:
        print(f"{args.models}: holds none of {', '.join(KNOWN)}", file=sys.stderr)
        return 2
    print(f"{'network':32} {'pictures':>8} {'float':>6} {args.engine:>6} {'same':>5}")
    try:
        for path in found:
            _row(path, args)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


def _row(path, args):
    preprocess, offset = KNOWN[path.stem]
    model = load(path)
    value = model.graph.input[0]
    shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
    pictures = sorted(p for p in args.images.iterdir() if p.name.split("_")[0] in path.stem)
    labels = [int(p.stem.rsplit("_", 1)[1]) + offset for p in pictures]
    x = np.stack([preprocess.load(p, shape) for p in pictures])
    chosen = x if not args.calibrate else np.stack([preprocess.load(p, shape) for p in args.calibrate])
    graph = import_graph(quantise(model, [{value.name: one[None]} for one in chosen], percentile=args.percentile))
    run = session(model)
    real = [int(np.argmax(run.run(None, {value.name: one[None]})[0])) for one in x]
    integer = _golden(graph, x) if args.engine == "golden" else _isa(graph, x, args.pe)
    hits = [sum(a == b for a, b in zip(result, labels, strict=True)) for result in (real, integer)]
    same = sum(a == b for a, b in zip(real, integer, strict=True))
    print(f"{path.stem:32} {len(x):8} {hits[0]:6} {hits[1]:6} {same:5}", flush=True)


def _golden(graph, x):
    (name,) = graph.inputs
    return [_top(graph, golden.run(graph, {name: golden.quantise_input(graph, name, one[None])})) for one in x]


def _isa(graph, x, pe):
    config = AccelConfig.load(pe=pe)
    compiled = compile_graph(graph, config)
    design = Design(config, compiled.manifest, compiled.program, compiled.weights, "", graph)
    dram = np.zeros(compiled.manifest["dram_bytes"], np.uint8)
    (name,) = graph.inputs
    tops = []
    for one in x:
        design.fill(dram, {name: golden.quantise_input(graph, name, one[None])})
        isa_engine.run(compiled.program, dram, config)
        tops.append(_top(graph, {n: design.placements[n].unpack(dram) for n in graph.outputs}))
    return tops


def _top(graph, tensors):
    (result,) = golden.host_outputs(graph, tensors).values()
    return int(np.argmax(result))


if __name__ == "__main__":
    sys.exit(main())
