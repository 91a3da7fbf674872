"""What a network said of each sample: the largest values of its outputs, and the answer by its
task.
"""

from collections.abc import Sequence

import numpy as np

from hwcnn.results import Element, OutputResult, SampleResult

from .batches import Batch, Source
from .network import Network, Parts, Values
from .question import Question, file_names

#: Elements of an output that are reported.
TOP = 5


def sample_results(
    network: Network,
    asked: Question,
    sources: Sequence[Source],
    batches: Sequence[Batch],
    parts: Parts,
    values: Sequence[Values],
) -> list[SampleResult]:
    """Of each sample, whose sources are in the order of the runs' images."""
    manifest, names = network.manifest, file_names(source.name for source in sources)
    found: list[SampleResult] = []
    for number, source in enumerate(sources):
        batch, image = divmod(number, manifest.batch)
        outputs = {
            name: _image(values[batch][name], image, manifest.batch) for name in manifest.outputs
        }
        picture = network.first_input(batches[batch])[image]
        answer = asked.answer(source, picture, outputs, manifest.preprocess, names[number])
        largest = {name: _largest(value, asked.labels) for name, value in outputs.items()}
        outcomes = [result.outcomes[batch] for _, result in parts]
        runs = [outcome.run.counters["cycles"] for outcome in outcomes if outcome.run]
        mismatches = sum(d.mismatches for o in outcomes for d in o.differences.values())
        cycles = sum(runs) if runs else None
        found.append(SampleResult(source.name, cycles, mismatches, largest, answer))
    return found


def _image(runs: Sequence[np.ndarray], image: int, batch: int) -> np.ndarray:
    """What belongs to one image of a batch. runs : a value, as in `network.Values`."""
    size = batch // len(runs)
    value = runs[image // size]
    return np.split(value, size)[image % size] if value.shape[:1] == (size,) else value


def _largest(value: np.ndarray, labels: Sequence[str]) -> OutputResult:
    flat = value.reshape(-1)
    order = np.argsort(-flat, kind="stable")[:TOP]
    named = labels if len(labels) == flat.size else range(flat.size)
    return OutputResult(
        list(value.shape), [Element(int(i), str(named[i]), float(flat[i])) for i in order]
    )
