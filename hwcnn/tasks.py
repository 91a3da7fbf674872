"""What the outputs of a network mean for a person: its task, with all that decoding them takes.

A built-in network has its task in its `ModelInfo`; of an ONNX file it is told, by name or by a TOML
file with `task` and the fields of its class here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from .errors import InputError

#: (width, height) in pixels of the input.
Size = tuple[float, float]


@dataclass(frozen=True)
class Classify:
    """Scores of classes, [classes] an image: the most likely ones."""

    name: ClassVar[str] = "classify"


@dataclass(frozen=True)
class Boxes:
    """Objects, with their boxes, scores and classes.

    format : what the outputs are.

    - "yolov2": one map [anchors * (5 + classes), rows, columns] (Redmon and Farhadi, 2016).
    - "yolov3": a map as above for each stride, with a logistic score for each class (Redmon and
      Farhadi, 2018).
    - "yolov5": [boxes, 5 + classes]: centre, width and height in pixels, score of the box, scores
      of the classes.
    - "yolov8": [4 + classes, boxes]: centre, width and height in pixels, scores of the classes.
    - "ssd": offsets [boxes, 4] from the default boxes and scores [boxes, classes], class 0 being
      the background (Liu et al., 2016).
    - "corners": [boxes, 4] in pixels and scores [boxes, classes], or scores [boxes] and classes
      [boxes] in whole numbers.

    strides : pixels of the input from cell to cell of each map. anchors : for each stride, the
    sizes of the anchors, or default boxes, of a cell. variances : of SSD's offsets, of centres and
    of sizes. activation : still to be applied to SSD's and "corners" scores: "none", "softmax" or
    "sigmoid". threshold : lowest score that is shown. iou : overlap from which the lower of two
    boxes of a class is dropped. most : boxes that are shown.
    """

    name: ClassVar[str] = "boxes"
    FORMATS: ClassVar[tuple[str, ...]] = ("yolov2", "yolov3", "yolov5", "yolov8", "ssd", "corners")

    format: str = "yolov8"
    strides: tuple[int, ...] = ()
    anchors: tuple[tuple[Size, ...], ...] = ()
    variances: tuple[float, float] = (0.1, 0.2)
    activation: str = "none"
    threshold: float = 0.25
    iou: float = 0.45
    most: int = 100

    def __post_init__(self) -> None:
        _one_of("format", self.format, self.FORMATS)
        _one_of("activation", self.activation, ("none", "softmax", "sigmoid"))
        if self.format in ("yolov2", "yolov3", "ssd") and not self.anchors:
            raise InputError(f"task boxes: format {self.format} needs strides and anchors")
        if len(self.strides) != len(self.anchors):
            raise InputError(
                f"task boxes: {len(self.strides)} strides and {len(self.anchors)} lists of "
                "anchors: expected a list for each stride"
            )


@dataclass(frozen=True)
class Masks:
    """A class for each pixel: scores [classes, rows, columns], the highest wins; where there is one
    class, the logistic function of its score decides at one half.

    background : class that is not drawn, -1: none.
    """

    name: ClassVar[str] = "masks"

    background: int = 0


@dataclass(frozen=True)
class KeyPoints:
    """Points of one object in the picture.

    format : "coordinates": x, y, x, y, ... ; "heat-maps": [points, rows, columns], the point is
    where its map is highest.
    unit : of coordinates: "pixels" of the input, "unit" (from 0 to 1) or "centred" (from -1 to 1).
    points : how many of the maps are points, 0: all. limbs : pairs of points that a line joins.
    threshold : lowest height of a heat map's peak that is shown.
    """

    name: ClassVar[str] = "key-points"

    format: str = "coordinates"
    unit: str = "pixels"
    points: int = 0
    limbs: tuple[tuple[int, int], ...] = ()
    threshold: float = 0.1

    def __post_init__(self) -> None:
        _one_of("format", self.format, ("coordinates", "heat-maps"), "key-points")
        _one_of("unit", self.unit, ("pixels", "unit", "centred"), "key-points")


@dataclass(frozen=True)
class Restore:
    """A picture [channels, rows, columns], of the input's size or another: denoised, enlarged,
    painted, a map of edges or of distances.

    black, white : values of the output that are shown so; where they are the same, those of the
    input's preprocessing. residual : the output is subtracted from the input (DnCNN, Zhang et al.,
    2017).
    """

    name: ClassVar[str] = "restore"

    black: float = 0.0
    white: float = 0.0
    residual: bool = False


@dataclass(frozen=True)
class Text:
    """Characters by connectionist temporal classification (Graves et al., 2006), greedily: scores
    of the blank and the alphabet at each step.

    alphabet : its characters, in the order of their classes. blank : class that stands for none.
    """

    name: ClassVar[str] = "text"

    alphabet: str = "0123456789"
    blank: int = 0


Task = Classify | Boxes | Masks | KeyPoints | Restore | Text
#: By the name that is given on the command line.
TASKS: dict[str, type[Task]] = {
    kind.name: kind for kind in (Classify, Boxes, Masks, KeyPoints, Restore, Text)
}


def default_boxes(
    smallest: Sequence[float], largest: Sequence[float], ratios: Sequence[Sequence[float]]
) -> tuple[tuple[Size, ...], ...]:
    """SSD's default boxes of a cell of each map (Liu et al., 2016, section 2.2): two squares, the
    second of size sqrt(smallest * largest), then boxes of each ratio and its inverse.

    smallest, largest : of each map, in pixels. ratios : of each map, without 1.
    """
    return tuple(
        (
            (low, low),
            (sqrt(low * high), sqrt(low * high)),
            *(
                size
                for ratio in some
                for size in (
                    (low * sqrt(ratio), low / sqrt(ratio)),
                    (low / sqrt(ratio), low * sqrt(ratio)),
                )
            ),
        )
        for low, high, some in zip(smallest, largest, ratios, strict=True)
    )


def _one_of(key: str, value: str, known: Sequence[str], task: str = "boxes") -> None:
    if value not in known:
        raise InputError(f"task {task}: {key} {value!r}: expected one of {', '.join(known)}")
