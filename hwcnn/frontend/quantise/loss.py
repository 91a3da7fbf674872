"""What quantising costs: the float network against the quantised one in onnxruntime, whose results
are golden's but for ties.
"""

import math
from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort

from hwcnn.frontend.model.onnx_index import OnnxIndex
from hwcnn.frontend.model.session import session
from hwcnn.quality import LayerLoss, Loss, decibels, is_classification, same_top1

from .calibrate import Sample, feed

#: Samples whose outputs are compared at most, and of these, those whose layers are.
SAMPLES, LAYER_SAMPLES = 8, 1
#: Layers that are named.
WORST = 5
#: Bytes of values that are held at once.
_HELD = 256 << 20


def measure(real: onnx.ModelProto, quantised: onnx.ModelProto, samples: Sequence[Sample]) -> Loss:
    """The loss on some of the samples, spread over all. real : the float model that `quantised` was
    made of.
    """
    kept = {o.name for o in quantised.graph.output}
    outputs = [o.name for o in real.graph.output if o.name in kept]
    chosen = [feed(sample, real) for sample in samples[:: -(-len(samples) // SAMPLES)]]
    runs = [session(model) for model in (real, quantised)]
    totals = dict.fromkeys(outputs, (0.0, 0.0))
    classes = _classes(real, outputs)
    top1: dict[str, int] = dict.fromkeys(classes, 0)
    for sample in chosen:
        results = [_run(run, outputs, sample) for run in runs]
        for name, a, b in zip(outputs, *results, strict=True):
            if a.dtype.kind != "f" or a.shape != b.shape:
                totals.pop(name, None)  # indices, or as many as there are: there is no ratio
            elif name in totals:
                signal, noise = totals[name]
                with np.errstate(all="ignore"):  # of what is infinite
                    totals[name] = signal + _energy(a), noise + _energy(a - b)
                if name in classes:
                    top1[name] += same_top1(a, b)
    found = {name: decibels(*t) for name, t in totals.items() if np.isfinite(t).all()}
    top1 = {name: count for name, count in top1.items() if name in found}
    return Loss(len(chosen), found, top1, _worst(real, quantised, chosen[:LAYER_SAMPLES]))


def _classes(model: onnx.ModelProto, outputs: Sequence[str]) -> list[str]:
    """The outputs that hold a value a class: of several, those behind a softmax."""
    index = OnnxIndex(model.graph)
    softmax = [n for n in model.graph.node if n.op_type in ("Softmax", "LogSoftmax")]
    behind = {n.output[0] for n in softmax}
    return [
        name
        for name in outputs
        if is_classification(index.shapes.get(name, ())) and (len(outputs) == 1 or name in behind)
    ]


def _run(run: ort.InferenceSession, names: list[str], sample: Sample) -> list[np.ndarray]:
    """The named values."""
    return [np.asarray(value) for value in run.run(names, dict(sample))] if names else []


def _energy(value: np.ndarray) -> float:
    """The sum of squares, in float32: good to far below a hundredth of a decibel."""
    flat = value.reshape(-1)
    return float(np.vdot(flat, flat))


def _worst(
    real: onnx.ModelProto, quantised: onnx.ModelProto, samples: Sequence[Sample]
) -> list[LayerLoss]:
    """The layers whose results have the most noise beyond that of their operands."""
    index = OnnxIndex(quantised.graph)
    pairs = _quantised_values(real, index)
    shares = _noise_shares(real, quantised, pairs, index, samples)
    found: list[tuple[float, LayerLoss]] = []
    for name, (signal, noise) in shares.items():
        if not np.isfinite((signal, noise)).all():
            continue
        node = index.producers.get(name)
        if node is None or node.op_type == "DequantizeLinear":
            continue  # an input
        before = max(
            (shares[v] for v in _operands(index, node, set(shares))), key=_share, default=(1.0, 0.0)
        )
        row = LayerLoss(node.name, node.op_type, decibels(*before), decibels(signal, noise))
        found.append((_share((signal, noise)) - _share(before), row))
    found.sort(key=lambda pair: -pair[0])
    return [row for added, row in found[:WORST] if added > 0]


def _share(parts: tuple[float, float]) -> float:
    signal, noise = parts
    return noise / signal if signal else 0.0 if not noise else math.inf


def _quantised_values(real: onnx.ModelProto, index: OnnxIndex) -> dict[str, str]:
    """{value that both models have: what it is in the quantised one once it is dequantised}."""
    have = {name for node in real.graph.node for name in node.output}
    have |= {i.name for i in real.graph.input}
    pairs: dict[str, str] = {}
    for node in index.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] in have:
            for reader in index.readers.get(node.output[0], []):
                if reader.op_type == "DequantizeLinear":
                    pairs.setdefault(node.input[0], reader.output[0])
    return pairs


def _noise_shares(
    real: onnx.ModelProto,
    quantised: onnx.ModelProto,
    pairs: dict[str, str],
    index: OnnxIndex,
    samples: Sequence[Sample],
) -> dict[str, tuple[float, float]]:
    """(signal, noise), sums of squares, of each value over the samples."""
    totals = dict.fromkeys(pairs, (0.0, 0.0))
    inputs = {i.name for i in real.graph.input}
    for names in _groups(list(pairs), index):
        outputs = [n for n in names if n not in inputs]
        first = session(real, outputs=outputs)
        second = session(quantised, outputs=[pairs[n] for n in names])
        for sample in samples:
            values = dict(zip(outputs, _run(first, outputs, sample), strict=True)) | dict(sample)
            results = _run(second, [pairs[n] for n in names], sample)
            for name, found in zip(names, results, strict=True):
                exact = values[name]
                signal, noise = totals[name]
                noise += _energy(exact - found)
                totals[name] = signal + _energy(exact), noise
    return totals


def _groups(names: list[str], index: OnnxIndex) -> list[list[str]]:
    """The names in groups whose values take at most `_HELD` bytes in both models together."""
    groups, held = [[]], 0
    for name in names:
        size = 8 * math.prod(index.shapes.get(name, ()))
        if groups[-1] and held + size > _HELD:
            groups.append([])
            held = 0
        groups[-1].append(name)
        held += size
    return groups


def _operands(index: OnnxIndex, node: onnx.NodeProto, known: set[str]) -> list[str]:
    """The nearest values before a node that are known."""
    found, todo = list[str](), list(node.input)
    while todo:
        name = todo.pop()
        if name in known:
            found.append(name)
        elif name in index.producers:
            todo += index.producers[name].input
    return found
