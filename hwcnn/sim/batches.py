"""From files, or from nothing, to the inputs of each run, batch by batch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcnn import models
from hwcnn.manifest import Manifest

from . import inputs

#: Samples of the network's own in a batch that are run where no input is given.
OWN_SAMPLES = 1

#: By the input's name: [N, C, H, W], real numbers or quantised ones (int8).
Batch = dict[str, np.ndarray]


@dataclass(frozen=True)
class Source:
    """Where a sample comes from. name : of it. picture : its file, where it is a picture's."""

    name: str
    picture: Path | None = None


def samples_of(
    manifest: Manifest, shapes: inputs.Shapes, files: inputs.Paths, seed: int
) -> tuple[list[Source], list[Batch]]:
    """(sources of the samples, inputs of each run). The last batch is filled up with its last
    sample.

    shapes : of the inputs. files : pictures or arrays; without any, the network's own samples, or
    others made by `seed`.
    """
    size = manifest.batch
    named = _of_files(manifest, files, shapes) or _own(manifest, shapes, OWN_SAMPLES * size, seed)
    samples = [sample for _, sample in named]
    samples += samples[-1:] * (-len(samples) % size)
    batches = [
        {
            name: np.concatenate([sample[name] for sample in samples[i : i + size]])
            for name in shapes
        }
        for i in range(0, len(samples), size)
    ]
    return [source for source, _ in named], batches


def _of_files(
    manifest: Manifest, files: inputs.Paths, shapes: inputs.Shapes
) -> list[tuple[Source, Batch]]:
    named = []
    for path in inputs.expand(files):
        found = inputs.samples(path, shapes, manifest.preprocess, unsigned=manifest.unsigned_inputs)
        for number, sample in enumerate(found):
            name = path.name if len(found) == 1 else f"{path.name}[{number}]"
            named.append((Source(name, path if inputs.is_picture(path) else None), sample))
    return named


def _own(
    manifest: Manifest, shapes: inputs.Shapes, count: int, seed: int
) -> list[tuple[Source, Batch]]:
    """Samples of a built-in network; synthetic pictures or noise for any other."""
    if manifest.built_in:
        samples = models.feeds(manifest.model, shapes, count, seed)
    else:
        samples = [
            inputs.stand_in(shapes, manifest.preprocess, seed + number) for number in range(count)
        ]
    return [(Source(f"own sample {number}"), sample) for number, sample in enumerate(samples)]
