"""What a network said of each sample: the largest values of its outputs, and the answer by its
task, with its picture in the generated folder.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcnn import golden, ir, models, pictures
from hwcnn.answers import decode, task_file
from hwcnn.answers.view import View
from hwcnn.errors import InputError, unwritable
from hwcnn.golden.run import dequantise
from hwcnn.manifest import Manifest
from hwcnn.preprocess import Preprocess
from hwcnn.results import Element, OutputResult, SampleResult
from hwcnn.tasks import Task

from .batches import Batch, Source
from .design import Design
from .session import Result

#: Elements of an output that are reported.
TOP = 5
#: Folder for pictures, inside the generated one.
PICTURES = "results"


@dataclass(frozen=True)
class Question:
    """What is asked of the outputs. task : None: nothing but numbers. labels : of the classes.
    folder : for pictures.
    """

    task: Task | None
    labels: tuple[str, ...]
    folder: Path


def question(
    manifest: Manifest,
    graph: ir.Graph,
    folder: Path,
    task: str | Path | None,
    labels: str | Path | None,
) -> Question:
    """The task that is told, a built-in network's own, or classification where it must be that.

    task, labels : as `task_file` reads them. InputError where they do not fit the network.
    """
    shapes = dict(graph.onnx_outputs)
    if task is not None:
        found = task_file.read_task(task)
    elif manifest.built_in:
        found = models.info(manifest.model).task
    else:
        found = decode.guess(shapes)
    names = manifest.labels if labels is None else task_file.read_labels(labels)
    if labels is not None and found is None:
        raise InputError("the network is not known to classify: tell its --task too", "labels")
    if found is not None:
        of_image = {
            name: (shape[0] // manifest.batch, *shape[1:]) if shape else shape
            for name, shape in shapes.items()
        }
        decode.check(found, of_image, graph.tensors[graph.inputs[0]].shape[1:], names)
    return Question(found, names, folder / PICTURES)


def sample_results(
    design: Design,
    asked: Question,
    sources: Sequence[Source],
    batches: Sequence[Batch],
    result: Result,
) -> list[SampleResult]:
    """Of each sample, whose sources are in the order of the runs' images."""
    size, names = design.manifest.batch, _file_names(source.name for source in sources)
    found: list[SampleResult] = []
    for number, source in enumerate(sources):
        outcome, image = result.outcomes[number // size], number % size
        real = golden.host_outputs(design.graph, outcome.outputs)
        outputs = {name: _image(value, image, size) for name, value in real.items()}
        answer = None
        if asked.task is not None:
            input_ = design.graph.inputs[0]
            values = dequantise(design.graph, input_, batches[number // size][input_])[image]
            view = _view(source, values, design.manifest.preprocess)
            answer = _answer(asked, outputs, view, names[number])
        largest = {name: _largest(value, asked.labels) for name, value in outputs.items()}
        cycles = outcome.run.counters["cycles"] if outcome.run else None
        mismatches = sum(d.mismatches for d in outcome.differences.values())
        found.append(SampleResult(source.name, cycles, mismatches, largest, answer))
    return found


def _answer(
    asked: Question, outputs: Mapping[str, np.ndarray], view: View, name: str
) -> dict[str, object]:
    assert asked.task is not None
    answer = decode.decode(asked.task, outputs, view, asked.labels)
    path = None
    if answer.picture is not None:
        path = asked.folder / f"{name}.png"
        try:
            path.parent.mkdir(exist_ok=True)
            answer.picture.save(path)
        except OSError as e:
            raise unwritable(path, e) from e
    picture = None if path is None else str(path)
    return {"task": asked.task.name, "text": answer.text, "picture": picture, **answer.values}


def _view(source: Source, values: np.ndarray, preprocess: Preprocess) -> View:
    """values : float32 [C, H, W]."""
    if source.picture is None:
        return View.of_values(values, preprocess)
    picture = pictures.read(source.picture)
    window = pictures.window(picture.size, values.shape, preprocess)
    return View(picture, window, values, preprocess)


def _file_names(names: Iterable[str]) -> list[str]:
    """A name of a file without suffix for each sample, no two the same."""
    found: list[str] = []
    for name in names:
        stem = Path(name).stem.replace(" ", "-")
        found.append(stem if stem not in found else f"{stem}-{len(found)}")
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
