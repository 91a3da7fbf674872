"""Pictures as network inputs."""

import warnings
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from .errors import InputError

#: Short side of the resized picture over the input's: what ImageNet networks are tested with.
RESIZE = 256 / 224
ORDERS = ("RGB", "BGR", "L")


@dataclass(frozen=True)
class Preprocess:
    """``(pixel - mean) * scale`` with pixels from 0 to 255.

    mean, scale : one value, or one a channel in the network's own order. order : "RGB", "BGR" or
    "L" (also "grey").
    resize : short side of the resized picture, as a multiple of the input's, before the centre is
    cropped.
    Raises InputError for values that make no sense.
    """

    mean: tuple[float, ...] = (127.5,)
    scale: tuple[float, ...] = (1 / 127.5,)
    order: str = "RGB"
    resize: float = RESIZE

    def __post_init__(self):
        for name in ("mean", "scale"):
            value = getattr(self, name)
            object.__setattr__(
                self, name, tuple(map(float, value if np.iterable(value) else (value,)))
            )
        if self.order in ("grey", "gray"):
            object.__setattr__(self, "order", "L")
        if self.order not in ORDERS:
            raise InputError(
                f"preprocessing: order {self.order!r}: expected one of {', '.join(ORDERS)}"
            )
        if (
            len(self.mean) not in (1, self.channels)
            or len(self.scale) not in (1, self.channels)
            or not self.resize >= 1
        ):
            raise InputError(
                f"preprocessing: mean {self.mean}, scale {self.scale}, resize {self.resize}: expected one value or "
                f"{self.channels} (order {self.order}), and a resize of at least 1"
            )

    @property
    def channels(self):
        return len(self.order)

    def to_dict(self):
        return asdict(self) | {"mean": list(self.mean), "scale": list(self.scale)}

    @classmethod
    def from_dict(cls, values):
        try:
            return cls(**values)
        except TypeError as e:
            raise InputError(f"preprocessing: {e}") from e

    def load(self, path, shape):
        """float32 [C, H, W] of a picture file. shape : [C, H, W] or [N, C, H, W] of the network's
        input.

        A picture that has the input's size is taken as it is; any other is resized (bilinear) and
        cropped to its centre. Raises InputError.
        """
        self._check(path, shape)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd metadata
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path) as picture:
                    pixels = _eight_bits(picture, path).convert("L" if self.order == "L" else "RGB")
        except InputError:
            raise
        except Exception as e:  # a damaged file makes Pillow's readers raise anything
            why = " ".join(str(e).split())[:200] or type(e).__name__
            raise InputError(f"{path}: cannot read it as a picture: {why}") from e
        return self._prepare(pixels, shape)

    def apply(self, pixels, shape, where="picture"):
        """The same of a picture uint8 [rows, columns, channels], RGB or grey. where : its name in
        messages.
        """
        self._check(where, shape)
        return self._prepare(
            Image.fromarray(pixels[:, :, 0] if self.order == "L" else pixels), shape
        )

    def split(self, array, shape, where="array"):
        """The pictures [rows, columns, channels] in an array of uint8: one, or several along a
        first axis; channels first or last, or, where there is only one, left out. shape : [C, H, W]
        of the network's input. Raises InputError for any other array.
        """
        self._check(where, shape)
        channels, height, width = shape
        if array.ndim == 2 and channels == 1:
            array = array[None, :, :, None]
        elif array.ndim == 3 and channels == 1 and array.shape[1:] == (height, width):
            array = array[:, :, :, None]
        elif array.ndim == 3 and channels in (array.shape[0], array.shape[2]):
            array = array[None]
        if (
            array.ndim == 4
            and array.shape[1] == channels
            and (array.shape[1:] == tuple(shape) or array.shape[3] != channels)
        ):
            array = array.transpose(0, 2, 3, 1)
        if array.ndim != 4 or array.shape[3] != channels or not array.size:
            raise InputError(
                f"{where} is of uint8, which means pictures, and has shape {list(array.shape)}: expected pictures with "
                f"{channels} channel(s), such as {[height, width, channels]}, or several of these"
            )
        return array

    def _check(self, where, shape):
        if len(shape) < 3:
            raise InputError(
                f"{where}: a picture, but the network takes {list(shape)}: give an array (.npy) of real values"
            )
        if shape[-3] != self.channels:
            raise InputError(
                f"{where}: a picture in order {self.order} has {self.channels} channels, the network takes {shape[-3]}"
            )

    def _prepare(self, picture, shape):
        channels, height, width = (int(d) for d in tuple(shape)[-3:])
        pixels = np.asarray(self._fit(picture, height, width), np.float32).reshape(
            height, width, channels
        )
        if self.order == "BGR":
            pixels = pixels[:, :, ::-1]
        result = (pixels - np.array(self.mean, np.float32)) * np.array(self.scale, np.float32)
        return np.ascontiguousarray(result.transpose(2, 0, 1))

    def _fit(self, picture, height, width):
        if picture.size == (width, height):
            return picture
        ratio = max(self.resize * height / picture.height, self.resize * width / picture.width)
        size = (
            max(width, round(picture.width * ratio)),
            max(height, round(picture.height * ratio)),
        )
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        return picture.crop((left, top, left + width, top + height))


def _eight_bits(picture, path):
    """A picture of 16 bits a pixel scaled to 8; all others as they are. Refuses what has no pixels
    from 0 to 255.
    """
    if picture.mode.startswith("I;16") or (
        picture.mode == "I" and picture.format in ("PNG", "PPM")
    ):
        return Image.fromarray(np.rint(np.asarray(picture, np.float64) / 257).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise InputError(
            f"{path}: its pixels have 32 bits: save it with 8 or 16, or give an array (.npy) of real values"
        )
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema()[0] < 255:
            raise InputError(
                f"{path}: it has transparent pixels, which have no colour: lay it over a background first"
            )
    return picture
