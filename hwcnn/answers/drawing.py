"""Boxes, masks, points and words on pictures."""

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

#: Height of letters, and width of lines, as parts of a picture's shorter side.
_LETTERS, _LINES = 1 / 30, 1 / 200
_OPACITY = 0.5


def colour(index: int) -> tuple[int, int, int]:
    """A colour for a class or a point: neighbours differ (steps of the golden ratio in hue)."""
    r, g, b = colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.85, 1.0)
    return round(255 * r), round(255 * g), round(255 * b)


def boxes(picture: Image.Image, found: Sequence[tuple[Sequence[float], str, int]]) -> Image.Image:
    """found : (left, top, right, bottom), words, and a number for the colour; drawn from the last
    to the first.
    """
    result = picture.copy()
    draw, width, font = _pen(result)
    for box, words, number in reversed(found):
        left, top, right, bottom = box
        draw.rectangle(
            (left, top, max(left, right), max(top, bottom)), outline=colour(number), width=width
        )
        _words(draw, font, (left, top - font.size - 2 * width), words, colour(number), width)
    return result


def masks(
    picture: Image.Image, classes: Image.Image, place: tuple[int, int], names: dict[int, str]
) -> Image.Image:
    """classes : a class for each pixel, of mode "I"; those in `names` are drawn over the picture
    from `place`, with their names in the corner.
    """
    index = np.asarray(classes)
    paint = np.zeros((*index.shape, 4), np.uint8)
    for number in names:
        paint[index == number] = (*colour(number), round(255 * _OPACITY))
    overlay = Image.new("RGBA", picture.size)
    overlay.paste(Image.fromarray(paint, "RGBA"), place)
    result = Image.alpha_composite(picture.convert("RGBA"), overlay).convert("RGB")
    draw, width, font = _pen(result)
    for row, (number, name) in enumerate(names.items()):
        at = (2 * width, 2 * width + row * (font.size + 3 * width))
        _words(draw, font, at, name, colour(number), width)
    return result


def points(
    picture: Image.Image,
    found: dict[int, tuple[float, float]],
    limbs: Sequence[tuple[int, int]],
) -> Image.Image:
    """found : points (x, y) by number. limbs : pairs of numbers that a line joins, where both are
    there.
    """
    result = picture.copy()
    draw, width, _ = _pen(result)
    for a, b in limbs:
        if a in found and b in found:
            draw.line((found[a], found[b]), fill=colour(a), width=width)
    for number, (x, y) in found.items():
        r = 1.5 * width
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour(number))
    return result


def _pen(
    picture: Image.Image,
) -> tuple[ImageDraw.ImageDraw, int, "ImageFont.FreeTypeFont"]:
    short = min(picture.size)
    font = ImageFont.load_default(max(10, round(short * _LETTERS)))
    assert isinstance(font, ImageFont.FreeTypeFont)  # as a size is given
    return ImageDraw.Draw(picture), max(1, round(short * _LINES)), font


def _words(
    draw: ImageDraw.ImageDraw,
    font: "ImageFont.FreeTypeFont",
    at: tuple[float, float],
    words: str,
    ground: tuple[int, int, int],
    margin: int,
) -> None:
    x, y = max(0.0, at[0]), max(0.0, at[1])
    left, top, right, bottom = draw.textbbox((x + margin, y), words, font=font)
    draw.rectangle((left - margin, top - margin, right + margin, bottom + margin), fill=ground)
    draw.text((x + margin, y), words, fill=(0, 0, 0), font=font)
