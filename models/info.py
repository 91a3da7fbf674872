"""What is known of a built-in network beside its layers: how pictures are prepared, and the names
of its classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hwcnn.preprocess import Preprocess
from hwcnn.tasks import Classify, Task

if TYPE_CHECKING:
    from .builder import Builder

#: Networks of Caffe's time: the mean is subtracted, nothing is scaled (LRN's constants belong to
#: this range).
CAFFE = Preprocess((104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "BGR")
#: ImageNet's mean and deviation, as torchvision's networks expect.
TORCH = Preprocess((123.675, 116.28, 103.53), (1 / 58.395, 1 / 57.12, 1 / 57.375), "RGB")
#: Grey pictures from 0 to 1.
GREY = Preprocess((0.0,), (1 / 255,), "L")


@dataclass(frozen=True)
class ModelInfo:
    """One built-in network.

    size : height and width of its input. layers : adds its layers to a Builder and returns the
    output's name.
    file : of a trained network, the ONNX file; the others have seeded weights. labels : names of
    the classes in order, where they mean anything. task : what its outputs mean, None: nothing
    that `simulate` could show but numbers.
    """

    name: str
    title: str
    size: int
    preprocess: Preprocess
    layers: "Callable[[Builder, str], str]"
    file: Path | None = None
    labels: tuple[str, ...] = ()
    task: Task | None = field(default_factory=Classify)

    @property
    def channels(self) -> int:
        return self.preprocess.channels
