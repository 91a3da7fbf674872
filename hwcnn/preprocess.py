"""How the pixels of a picture become values of a network's input."""

from dataclasses import dataclass

import numpy as np

from .errors import InputError, check_choice

#: Short side of the resized picture over the input's: what ImageNet networks are tested with.
RESIZE = 256 / 224
ORDERS = ("RGB", "BGR", "L")
FITS = ("crop", "letterbox")
#: Largest value that a plausible preparation makes of a pixel, and the largest of a dim one.
_LARGE, _SMALL = 1000.0, 0.05


@dataclass(frozen=True)
class Preprocess:
    """``(pixel - mean) * scale`` with pixels from 0 to 255.

    mean, scale : one value, or one a channel in the network's own order. order : of the input's
    channels, "RGB", "BGR" or "L" (grey). fit : "crop": the picture is resized until its short side
    is `resize` times the input's, and its centre is taken; "letterbox": it is resized until all of
    it fits, and grey surrounds it.

    Raises InputError for values that make no sense.
    """

    mean: tuple[float, ...] = (127.5,)
    scale: tuple[float, ...] = (1 / 127.5,)
    order: str = "RGB"
    resize: float = RESIZE
    fit: str = "crop"

    def __post_init__(self) -> None:
        for what, value, known in (("order", self.order, ORDERS), ("fit", self.fit, FITS)):
            if value not in known:
                raise InputError(
                    f"preprocessing: {what} {value!r}: expected one of {', '.join(known)}"
                )
        lengths = (1, self.channels)
        if len(self.mean) not in lengths or len(self.scale) not in lengths or not self.resize >= 1:
            raise InputError(
                f"preprocessing: mean {self.mean}, scale {self.scale}, resize {self.resize}: "
                f"expected one value or {self.channels} (order {self.order}), and a resize of at "
                "least 1"
            )

    @property
    def channels(self) -> int:
        """Channels of the input that it makes."""
        return len(self.order)

    @property
    def reach(self) -> float:
        """The largest magnitude that a pixel can become."""
        mean, scale = np.broadcast_arrays(self.mean, self.scale)
        return float((np.maximum(np.abs(mean), np.abs(255 - mean)) * np.abs(scale)).max())


#: Preparations that networks are published with, by the name of what they were trained in.
PRESETS = {
    # torchvision.transforms._presets.ImageClassification: short side 256 for 224, ImageNet's mean
    # and deviation
    "torchvision": Preprocess((123.675, 116.28, 103.53), (1 / 58.395, 1 / 57.12, 1 / 57.375)),
    # TensorFlow's slim, inception_preprocessing.preprocess_for_eval (the central 87.5 %), and mode
    # "tf" of Keras's imagenet_utils.preprocess_input
    "tf": Preprocess((127.5,), (1 / 127.5,)),
    # mode "caffe" of Keras's imagenet_utils.preprocess_input: the mean of VGG's training pictures
    # (Simonyan and Zisserman 2014)
    "caffe": Preprocess((103.939, 116.779, 123.68), (1.0,), "BGR"),
    # Ultralytics' LetterBox, pixels from 0 to 1
    "yolo": Preprocess((0.0,), (1 / 255,), resize=1.0, fit="letterbox"),
    "raw": Preprocess((0.0,), (1.0,), resize=1.0),
}


def preset(name: str) -> Preprocess:
    """One of `PRESETS`. Raises InputError, with the nearest names, for any other."""
    check_choice("preset", name, list(PRESETS))
    return PRESETS[name]


def doubts(given: Preprocess) -> list[str]:
    """What looks wrong with mean, scale and order, a sentence each. Raises InputError for what is
    certainly wrong: a scale of zero, or numbers for pixels from 0 to 1 that reach far beyond those.
    """
    mean, reach = np.array(given.mean), given.reach
    if not all(given.scale):
        raise InputError("a scale of 0 makes all pixels the same", "scale", _numbers(given.scale))
    found: list[str] = []
    if mean.any() and (np.abs(mean) <= 1).all():
        meant = (
            f"pixels are from 0 to 255; if these are for pixels from 0 to 1, give a mean of "
            f"{_numbers(mean * 255)} and a scale of {_numbers(np.array(given.scale) / 255)}"
        )
        if reach > 255:
            raise InputError(f"values would reach {reach:,.0f}: {meant}", "mean", _numbers(mean))
        found.append(f"a mean of {_numbers(mean)} takes next to nothing off: {meant}")
    elif reach >= _LARGE:
        found.append(
            f"prepared pixels reach {reach:,.0f}: (pixel - mean) is multiplied by the scale; give "
            "1/58.4 where it is to be divided by 58.4"
        )
    elif reach < _SMALL:
        found.append(
            f"no prepared pixel is above {reach:.2g}: pixels are from 0 to 255 before mean and "
            "scale"
        )
    if (likely := likely_order(given)) not in (None, given.order):
        found.append(
            f"a mean of {_numbers(given.mean)} looks like {likely}, but the order is {given.order}"
        )
    return found


def likely_order(given: Preprocess) -> str | None:
    """The order that ImageNet's mean tells, whose red is the brightest and blue the darkest; None
    for any other mean.
    """
    if len(given.mean) != 3 or max(np.abs(np.sort(given.mean) - (104, 117, 123.5))) > 3:
        return None
    return "RGB" if given.mean[0] > given.mean[2] else "BGR"


def _numbers(values: "np.ndarray | tuple[float, ...]") -> str:
    return ",".join(f"{v:.5g}" for v in values)
