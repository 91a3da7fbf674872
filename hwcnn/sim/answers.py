"""What a network said of each sample: the largest values of its outputs, with their classes."""

from collections.abc import Mapping, Sequence

import numpy as np

from hwcnn import golden, ir
from hwcnn.golden.run import dequantise
from hwcnn.results import Element, OutputResult, SampleResult

from .design import Design
from .session import Result

#: Elements of an output that are reported.
TOP = 5


def sample_results(design: Design, names: Sequence[str], result: Result) -> list[SampleResult]:
    """Of each sample, whose names are in the order of the runs' images."""
    batch, labels = design.manifest.batch, design.manifest.labels
    found: list[SampleResult] = []
    for number, name in enumerate(names):
        outcome = result.outcomes[number // batch]
        outputs = {
            output: _largest(_image(value, number % batch, batch), labels)
            for output, value in _real(design.graph, outcome.outputs).items()
        }
        cycles = outcome.run.counters["cycles"] if outcome.run else None
        mismatches = sum(d.mismatches for d in outcome.differences.values())
        found.append(SampleResult(name, cycles, mismatches, outputs))
    return found


def _real(graph: ir.Graph, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The network's outputs by their ONNX names, as real numbers."""
    if graph.host:
        return golden.host_outputs(graph, outputs)
    return {
        name: dequantise(graph, tensor, outputs[tensor])
        for tensor, (name, _) in zip(graph.outputs, graph.onnx_outputs, strict=True)
    }


def _image(value: np.ndarray, image: int, batch: int) -> np.ndarray:
    """What belongs to one image of a batch."""
    return np.split(value, batch)[image] if value.shape[0] % batch == 0 else value


def _largest(value: np.ndarray, labels: Sequence[str]) -> OutputResult:
    flat = value.reshape(-1)
    order = np.argsort(-flat, kind="stable")[:TOP]
    named = labels if len(labels) == flat.size else range(flat.size)
    return OutputResult(
        list(value.shape), [Element(int(i), str(named[i]), float(flat[i])) for i in order]
    )
