"""What a network sees of a picture, and drawing there: against pictures with a spot whose place is
known.
"""

import numpy as np
import pytest
from PIL import Image

from hwcnn import pictures
from hwcnn.answers.view import View
from hwcnn.preprocess import Preprocess


@pytest.mark.parametrize("size", [(64, 48), (300, 200), (90, 333), (37, 29)])
@pytest.mark.parametrize("resize, fit", [(1.0, "crop"), (256 / 224, "crop"), (1.0, "letterbox")])
def test_a_spot_of_the_input_is_where_it_was_in_the_picture(size, resize, fit):
    preprocess = Preprocess((0.0,), (1 / 255,), "RGB", resize, fit)
    left, top = size[0] // 2 + 3, size[1] // 2 - 6
    pixels = np.full((size[1], size[0], 3), pictures.GREY, np.uint8)  # as of a letterbox
    pixels[top : top + 4, left : left + 6] = 255
    values = pictures.prepare(pixels, (3, 48, 64), preprocess)
    y, x = np.mgrid[:48, :64] + 0.5
    spot = values[0] - pictures.GREY / 255
    weight = spot / spot.sum()
    centre = np.array([(x * weight).sum(), (y * weight).sum()])
    window = pictures.window(size, values.shape, preprocess)
    view = View(Image.fromarray(pixels), window, values, preprocess)
    place = view.to_picture(centre)
    np.testing.assert_allclose(place, (left + 3, top + 2), atol=0.05 * size[0] / 37)


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_an_input_without_a_file_is_shown_as_its_picture(order):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    preprocess = Preprocess((104.0, 117.0, 123.0), (1 / 58, 1 / 57, 1 / 56), order)
    values = pictures.prepare(pixels, (3, 5, 7), preprocess)
    view = View.of_values(values, preprocess)
    np.testing.assert_array_equal(np.asarray(view.picture), pixels)
    assert view.size == (5, 7)


def test_an_input_that_is_no_picture_is_black():
    view = View.of_values(np.ones((4, 5, 7), np.float32), Preprocess())
    assert view.picture.size == (7, 5) and not np.asarray(view.picture).any()
