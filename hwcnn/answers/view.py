"""What a network sees of a picture, so that what it says can be drawn there."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from hwcnn.preprocess import Preprocess


@dataclass(frozen=True)
class View:
    """picture : as it was given, RGB. window : left, top, right and bottom of the part that the
    network sees, in pixels of the picture; they may lie outside of it.
    values : float32 [C, H, W], the network's input. preprocess : that made it.
    """

    picture: Image.Image
    window: tuple[float, float, float, float]
    values: np.ndarray
    preprocess: Preprocess

    @classmethod
    def of_values(cls, values: np.ndarray, preprocess: Preprocess) -> "View":
        """The view of an input without a file: the picture that preprocessing would make it of, or
        black where it is none.

        values : float32 [C, H, W].
        """
        height, width = values.shape[-2:]
        picture = Image.new("RGB", (width, height))
        if values.shape[-3] == preprocess.channels:
            picture = picture_of(values, preprocess).convert("RGB")
        return cls(picture, (0, 0, width, height), values, preprocess)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        height, width = self.values.shape[-2:]
        return height, width

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 2] (x, y) from pixels of the input to pixels of the picture."""
        left, top, right, bottom = self.window
        height, width = self.size
        return np.array([left, top]) + points * np.array(
            [(right - left) / width, (bottom - top) / height]
        )

    def seen(self, map_: Image.Image, resample: Image.Resampling) -> tuple[Image.Image, int, int]:
        """A map of the input, of any size, enlarged to the window; and the place of its left, upper
        corner in the picture.
        """
        left, top, right, bottom = (round(edge) for edge in self.window)
        return map_.resize((max(1, right - left), max(1, bottom - top)), resample), left, top


def picture_of(values: np.ndarray, preprocess: Preprocess) -> Image.Image:
    """The picture, RGB or grey, of which `preprocess` makes the values float32 [C, H, W]."""
    mean, scale = (
        np.array(v, np.float32).reshape(-1, 1, 1) for v in (preprocess.mean, preprocess.scale)
    )
    pixels = np.clip(np.rint(values / scale + mean), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    if preprocess.order == "L":
        return Image.fromarray(pixels[:, :, 0])
    return Image.fromarray(
        np.ascontiguousarray(pixels[:, :, :: -1 if preprocess.order == "BGR" else 1])
    )
