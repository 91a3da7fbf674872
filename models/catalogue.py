"""The networks by name, and what is known of each: those of the folders here, task by task."""

from dataclasses import replace

from hwcnn.errors import InputError

from . import (
    classification,
    detection,
    faces,
    generation,
    geometry,
    graphs,
    key_points,
    restoration,
    segmentation,
    text,
    video,
)
from .info import ModelInfo

#: A folder for each task of computer vision, in the order in which they are listed.
_AREAS = (
    classification,
    detection,
    segmentation,
    key_points,
    faces,
    restoration,
    generation,
    text,
    geometry,
    video,
    graphs,
)
_MODELS = {
    info.name: replace(info, area=area.__name__.rpartition(".")[2])
    for area in _AREAS
    for info in area.NETWORKS
}


def names() -> list[str]:
    """The names of all built-in networks."""
    return list(_MODELS)


def info(name: str) -> ModelInfo:
    """The ModelInfo of a network; raises InputError for an unknown name."""
    if name not in _MODELS:
        raise InputError(
            f"model {name!r} is not built in: known are {', '.join(names())}; or give the path of "
            "an .onnx file"
        )
    return _MODELS[name]
