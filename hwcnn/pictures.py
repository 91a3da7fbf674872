"""Pictures as network inputs: files and arrays of pixels."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from .errors import InputError
from .preprocess import Preprocess

#: Of what surrounds a picture in a letterbox, as Ultralytics' networks are trained with.
GREY = 114


def load(path: str | Path, shape: Sequence[int], preprocess: Preprocess) -> np.ndarray:
    """float32 [C, H, W] of a picture file. shape : [C, H, W] or [N, C, H, W] of the network's
    input.

    A picture that has the input's size is taken as it is; any other is resized (bilinear) and
    cropped to its centre or surrounded by grey. Raises InputError.
    """
    _check(path, shape, preprocess)
    return _prepare(read(path, "L" if preprocess.order == "L" else "RGB"), shape, preprocess)


def read(path: str | Path, mode: str = "RGB") -> Image.Image:
    """The pixels of a picture file, "RGB" or "L" (grey). Raises InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return _eight_bits(picture, path).convert(mode)
    except InputError:
        raise
    except Exception as e:  # a damaged file makes Pillow's readers raise anything
        why = " ".join(str(e).split())[:200] or type(e).__name__
        raise InputError(f"{path}: cannot read it as a picture: {why}") from e


def prepare(
    pixels: np.ndarray, shape: Sequence[int], preprocess: Preprocess, where: str = "picture"
) -> np.ndarray:
    """The same of a picture uint8 [rows, columns, channels], RGB or grey. where : its name in
    messages.
    """
    _check(where, shape, preprocess)
    picture = Image.fromarray(pixels[:, :, 0] if preprocess.order == "L" else pixels)
    return _prepare(picture, shape, preprocess)


def split(
    array: np.ndarray, shape: Sequence[int], preprocess: Preprocess, where: str = "array"
) -> np.ndarray:
    """The pictures [n, rows, columns, channels] in an array of uint8: one, or several along a
    first axis; channels first or last, or, where there is only one, left out.

    shape : [C, H, W] of the network's input. Raises InputError for any other array.
    """
    _check(where, shape, preprocess)
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
            f"{where} is of uint8, which means pictures, and has shape {list(array.shape)}: "
            f"expected pictures with {channels} channel(s), such as {[height, width, channels]}, "
            "or several of these"
        )
    return array


def _check(where: str | Path, shape: Sequence[int], preprocess: Preprocess) -> None:
    if len(shape) < 3:
        raise InputError(
            f"{where}: a picture, but the network takes {list(shape)}: give an array (.npy) of "
            "real values"
        )
    if shape[-3] != preprocess.channels:
        raise InputError(
            f"{where}: a picture in order {preprocess.order} has {preprocess.channels} channels, "
            f"the network takes {shape[-3]}"
        )


def _prepare(picture: Image.Image, shape: Sequence[int], preprocess: Preprocess) -> np.ndarray:
    channels, height, width = (int(d) for d in tuple(shape)[-3:])
    fitted = _fit(picture, height, width, preprocess)
    pixels = np.asarray(fitted, np.float32).reshape(height, width, channels)
    if preprocess.order == "BGR":
        pixels = pixels[:, :, ::-1]
    mean, scale = (np.array(v, np.float32) for v in (preprocess.mean, preprocess.scale))
    return np.ascontiguousarray(((pixels - mean) * scale).transpose(2, 0, 1))


def window(
    size: tuple[int, int], shape: Sequence[int], preprocess: Preprocess
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what the network sees of a picture, in its pixels; outside of
    it where grey surrounds it.

    size : width and height of the picture. shape : as of `load`.
    """
    height, width = (int(d) for d in tuple(shape)[-2:])
    scaled, left, top = _placed(size, height, width, preprocess)
    x, y = size[0] / scaled[0], size[1] / scaled[1]
    return left * x, top * y, (left + width) * x, (top + height) * y


def _fit(picture: Image.Image, height: int, width: int, preprocess: Preprocess) -> Image.Image:
    size, left, top = _placed(picture.size, height, width, preprocess)
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    whole = Image.new(picture.mode, (width, height), GREY if picture.mode == "L" else (GREY,) * 3)
    whole.paste(picture, (-left, -top))
    return whole


def _placed(
    given: tuple[int, int], height: int, width: int, preprocess: Preprocess
) -> tuple[tuple[int, int], int, int]:
    """The size (width, height) to which a picture is resized, and the left, upper corner there of
    what the network sees.
    """
    if given == (width, height):
        return given, 0, 0
    ratios = height / given[1], width / given[0]
    if preprocess.fit == "letterbox":
        ratio = min(ratios) / preprocess.resize
        size = max(1, round(given[0] * ratio)), max(1, round(given[1] * ratio))
        return size, -((width - size[0]) // 2), -((height - size[1]) // 2)
    ratio = max(ratios) * preprocess.resize
    size = max(width, round(given[0] * ratio)), max(height, round(given[1] * ratio))
    return size, (size[0] - width) // 2, (size[1] - height) // 2


def _eight_bits(picture: Image.Image, path: str | Path) -> Image.Image:
    """A picture of 16 bits a pixel scaled to 8; all others as they are. Refuses what has no pixels
    from 0 to 255.
    """
    if picture.mode.startswith("I;16") or (
        picture.mode == "I" and picture.format in ("PNG", "PPM")
    ):
        return Image.fromarray(np.rint(np.asarray(picture, np.float64) / 257).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise InputError(
            f"{path}: its pixels have 32 bits: save it with 8 or 16, or give an array (.npy) of "
            "real values"
        )
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        if np.asarray(picture.getchannel("A")).min() < 255:
            raise InputError(
                f"{path}: it has transparent pixels, which have no colour: lay it over a "
                "background first"
            )
    return picture
