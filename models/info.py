"""What is known of a built-in network beside its layers: where it was published, how pictures are
prepared, and the names of its classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hwcnn.preprocess import Preprocess
from hwcnn.tasks import Classify, Task

from .shapes import pair

if TYPE_CHECKING:
    from .builder import Builder

#: Networks of Caffe's time: the mean is subtracted, nothing is scaled (LRN's constants belong to
#: this range).
CAFFE = Preprocess((104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "BGR")
#: ImageNet's mean and deviation, as torchvision's networks expect.
TORCH = Preprocess((123.675, 116.28, 103.53), (1 / 58.395, 1 / 57.12, 1 / 57.375), "RGB")
#: Colour pictures from 0 to 1.
UNIT = Preprocess((0.0,), (1 / 255,), "RGB")
#: Colour pictures from -1 to 1.
CENTRED = Preprocess((127.5,), (1 / 127.5,), "RGB")
#: Grey pictures from 0 to 1.
GREY = Preprocess((0.0,), (1 / 255,), "L")
#: Grey pictures from -1 to 1.
GREY_CENTRED = Preprocess((127.5,), (1 / 127.5,), "L")
#: Maps that another network computed.
FEATURES = Preprocess((60.0,), (1 / 60,), "L")


@dataclass(frozen=True)
class ModelInfo:
    """One built-in network.

    size : height and width of its input, or the one that both are. layers : adds its layers to a
    Builder and returns the name of the output, or of several.
    citation : where it was published. channels : of an input that is no picture, such as stacked
    frames.
    file : of a trained network, the ONNX file; the others have seeded weights. labels : names of
    the classes in order, where they mean anything. task : what its outputs mean, None: nothing
    that `simulate` could show but numbers. area : the folder of `models/`, which the catalogue
    fills in.
    """

    name: str
    title: str
    size: int | tuple[int, int]
    preprocess: Preprocess
    layers: "Callable[[Builder, str], str | tuple[str, ...]]"
    citation: str = ""
    channels: int = 0
    file: Path | None = None
    labels: tuple[str, ...] = ()
    task: Task | None = field(default_factory=Classify)
    area: str = ""

    def __post_init__(self) -> None:
        if not self.channels:
            object.__setattr__(self, "channels", self.preprocess.channels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the input."""
        return (self.channels, *pair(self.size))

    @property
    def pictures(self) -> Path | None:
        """Of a trained network, the folder with `calibration.npz` (`pixels`, uint8 [N, H, W], of
        the training pictures) and held-out pictures.
        """
        return self.file.with_suffix("") if self.file else None
