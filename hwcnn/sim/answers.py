"""What a network said of each sample: the largest values of its outputs, and the answer by its
task.
"""

from collections.abc import Sequence

import numpy as np

from hwcnn import golden
from hwcnn.golden.run import dequantise
from hwcnn.results import Element, OutputResult, SampleResult

from .batches import Batch, Source
from .design import Design
from .question import Question, file_names
from .session import Result

#: Elements of an output that are reported.
TOP = 5


def sample_results(
    design: Design,
    asked: Question,
    sources: Sequence[Source],
    batches: Sequence[Batch],
    result: Result,
) -> list[SampleResult]:
    """Of each sample, whose sources are in the order of the runs' images."""
    size, names = design.manifest.batch, file_names(source.name for source in sources)
    found: list[SampleResult] = []
    for number, source in enumerate(sources):
        outcome, image = result.outcomes[number // size], number % size
        real = golden.host_outputs(design.graph, outcome.outputs)
        outputs = {name: _image(value, image, size) for name, value in real.items()}
        first = design.graph.inputs[0]
        values = dequantise(design.graph, first, batches[number // size][first])[image]
        answer = asked.answer(source, values, outputs, design.manifest.preprocess, names[number])
        largest = {name: _largest(value, asked.labels) for name, value in outputs.items()}
        cycles = outcome.run.counters["cycles"] if outcome.run else None
        mismatches = sum(d.mismatches for d in outcome.differences.values())
        found.append(SampleResult(source.name, cycles, mismatches, largest, answer))
    return found


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
