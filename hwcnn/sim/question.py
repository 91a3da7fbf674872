"""The answer to each sample by the network's task, with its picture in the generated folder."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcnn import models, pictures
from hwcnn.answers import decode, task_file
from hwcnn.answers.view import View
from hwcnn.artifact import Generated
from hwcnn.errors import InputError, unwritable
from hwcnn.preprocess import Preprocess
from hwcnn.tasks import Classify, Task, Text

from .batches import Source

#: Tasks of which nothing is drawn.
_IN_WORDS = (Classify, Text)
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

    def prepare(self) -> None:
        """Make the folder, where pictures will be drawn. Raises InputError, or RunError on a full
        disk, where that cannot be written.
        """
        if self.task is None or isinstance(self.task, _IN_WORDS):
            return
        try:
            self.folder.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as e:
            raise unwritable(self.folder, e) from e

    def answer(
        self,
        source: Source,
        values: np.ndarray,
        outputs: Mapping[str, np.ndarray],
        preprocess: Preprocess,
        file_name: str,
    ) -> dict[str, object] | None:
        """As `SampleResult.answer`.

        values : the sample, float32 [C, H, W]. outputs : of the network, for it alone. file_name :
        of its picture, without suffix.
        """
        if self.task is None:
            return None
        found = decode.decode(self.task, outputs, _view(source, values, preprocess), self.labels)
        path = None
        if found.picture is not None:
            path = str(self.folder / f"{file_name}.png")
            try:
                found.picture.save(path)
            except OSError as e:
                raise unwritable(path, e) from e
        return {"task": self.task.name, "text": found.text, "picture": path, **found.values}


def question(
    generated: Generated,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, Sequence[int]],
    task: str | Path | Task | None,
    labels: str | Path | None,
) -> Question:
    """The task that is told, a built-in network's own, or classification where it must be that.

    inputs : shape (C, H, W) of each of the network's. outputs : shapes [N, ...] by name. task,
    labels : as `task_file` reads them. InputError where they do not fit the network.
    """
    manifest = generated.manifest
    if task is not None:
        found = task_file.read_task(task)
    elif manifest.built_in:
        found = models.info(manifest.model).task
    else:
        found = decode.guess(outputs)
    names = manifest.labels if labels is None else task_file.read_labels(labels)
    if labels is not None and found is None:
        raise InputError("the network is not known to classify: tell its --task too", "labels")
    if found is not None:
        of_image = {
            name: (shape[0] // manifest.batch, *shape[1:]) if shape else shape
            for name, shape in outputs.items()
        }
        decode.check(found, of_image, next(iter(inputs.values())), names)
    return Question(found, names, generated.path / PICTURES)


def file_names(names: Iterable[str]) -> list[str]:
    """A name of a file without suffix for each sample, no two the same."""
    found: list[str] = []
    for name in names:
        stem = Path(name).stem.replace(" ", "-")
        found.append(stem if stem not in found else f"{stem}-{len(found)}")
    return found


def _view(source: Source, values: np.ndarray, preprocess: Preprocess) -> View:
    if source.picture is None:
        return View.of_values(values, preprocess)
    picture = pictures.read(source.picture)
    window = pictures.window(picture.size, values.shape, preprocess)
    return View(picture, window, values, preprocess)
