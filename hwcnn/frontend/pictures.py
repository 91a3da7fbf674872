"""Pictures as network inputs."""

from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import InputError

#: Short side of the resized picture over the input's: what ImageNet networks are tested with.
RESIZE = 256 / 224
ORDERS = ("RGB", "BGR", "L")


@dataclass(frozen=True)
class Preprocess:
    """``(pixel - mean) * scale`` with pixels from 0 to 255.

    mean, scale : one value, or one a channel in the network's own order. order : "RGB", "BGR" or "L" (also "grey").
    resize : short side of the resized picture, as a multiple of the input's, before the centre is cropped.
    Raises InputError for values that make no sense.
    """

    mean: tuple[float, ...] = (127.5,)
    scale: tuple[float, ...] = (1 / 127.5,)
    order: str = "RGB"
    resize: float = RESIZE

    def __post_init__(self):
        for name in ("mean", "scale"):
            value = getattr(self, name)
            object.__setattr__(self, name, tuple(map(float, value if np.iterable(value) else (value,))))
        if self.order in ("grey", "gray"):
            object.__setattr__(self, "order", "L")
        if self.order not in ORDERS:
            raise InputError(f"preprocessing: order {self.order!r}: expected one of {', '.join(ORDERS)}")
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
        """float32 [C, H, W] of a picture file. shape : [C, H, W] or [N, C, H, W] of the network's input.

        A picture that has the input's size is taken as it is; any other is resized (bilinear) and cropped to its
        centre.
        """
        channels, height, width = (int(d) for d in tuple(shape)[-3:])
        if channels != self.channels:
            raise InputError(
                f"{path}: a picture in order {self.order} has {self.channels} channels, the network takes {channels}"
            )
        try:
            with Image.open(path) as picture:
                picture = picture.convert("L" if self.order == "L" else "RGB")
        except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError, SyntaxError) as e:
            raise InputError(f"{path}: cannot read it as a picture: {' '.join(str(e).split())}") from e
        pixels = np.asarray(self._fit(picture, height, width), np.float32).reshape(height, width, channels)
        if self.order == "BGR":
            pixels = pixels[:, :, ::-1]
        result = (pixels - np.array(self.mean, np.float32)) * np.array(self.scale, np.float32)
        return np.ascontiguousarray(result.transpose(2, 0, 1))

    def _fit(self, picture, height, width):
        if picture.size == (width, height):
            return picture
        ratio = max(self.resize * height / picture.height, self.resize * width / picture.width)
        size = (max(width, round(picture.width * ratio)), max(height, round(picture.height * ratio)))
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        return picture.crop((left, top, left + width, top + height))
