"""Masks, key points and restored pictures."""

import numpy as np
import pytest
from PIL import Image

from hwcnn import pictures
from hwcnn.answers.decode import check, decode, guess
from hwcnn.answers.drawing import colour
from hwcnn.answers.view import View
from hwcnn.errors import InputError
from hwcnn.preprocess import Preprocess
from hwcnn.tasks import Classify, KeyPoints, Masks, Restore

UNIT = Preprocess((0.0,), (1 / 255,), "RGB", 1.0)


def view(height=20, width=40, picture_size=None, preprocess=UNIT):
    """Of a grey picture, which the input shows whole."""
    picture = Image.new("RGB", picture_size or (width, height), (100, 100, 100))
    values = np.full((preprocess.channels, height, width), 100 / 255, np.float32)
    return View(picture, (0, 0, *picture.size), values, preprocess)


def test_masks_are_in_colour_where_their_class_wins():
    scores = np.zeros((1, 3, 5, 10))
    scores[0, 2, 1:3, 6:10] = 1
    found = decode(Masks(), {"y": scores}, view(picture_size=(400, 200)), ["ground", "sea", "sky"])
    assert found.values["masks"] == [{"label": "sky", "index": 2, "share": 0.16}]
    assert found.text == "sky 16 %"
    inside, outside = found.picture.getpixel((300, 80)), found.picture.getpixel((390, 190))
    expected = [(100 + tint) / 2 for tint in colour(2)]
    np.testing.assert_allclose(inside, expected, atol=1)
    assert outside == (100, 100, 100)


def test_a_mask_of_one_class_begins_at_one_half():
    logits = np.full((1, 1, 5, 10), -0.1)
    logits[..., :5] = 0.1
    (mask,) = decode(Masks(), {"y": logits}, view(), ()).values["masks"]
    assert (mask["index"], mask["share"]) == (1, 0.5)


@pytest.mark.parametrize("unit, scale", [("pixels", (1, 1)), ("unit", (40, 20))])
def test_coordinates_are_in_pixels_of_the_picture(unit, scale):
    places = np.array([[10.0, 5.0], [30.0, 15.0]])
    value = (places / scale).reshape(1, 4)
    task = KeyPoints(unit=unit, limbs=((0, 1),))
    found = decode(task, {"y": value}, view(picture_size=(400, 200)), ["nose", "ear"])
    assert [(p["label"], p["point"]) for p in found.values["points"]] == [
        ("nose", [100, 50]),
        ("ear", [300, 150]),
    ]
    assert found.picture.getpixel((100, 50)) == colour(0)
    assert found.picture.getpixel((200, 100)) == colour(0)  # the limb
    centred = decode(KeyPoints(unit="centred"), {"y": places / (20, 10) - 1}, view(), ())
    assert [p["point"] for p in centred.values["points"]] == [[10, 5], [30, 15]]


def test_peaks_of_heat_maps():
    """Of a bell at a known place: within a quarter of a cell, and none where the map is flat."""
    y, x = np.mgrid[:10, :20] + 0.5
    bell = np.exp(-((x - 13.7) ** 2 + (y - 4.4) ** 2) / 4)
    maps = np.stack([bell, np.zeros_like(bell), np.ones_like(bell)])[None]
    task = KeyPoints("heat-maps", points=2)
    found = decode(task, {"limbs": np.zeros((1, 4, 10, 20)), "points": maps}, view(), ())
    (point,) = found.values["points"]
    assert point["index"] == 0 and found.text == "1 of 2 points"
    np.testing.assert_allclose(point["point"], (2 * 13.7, 2 * 4.4), atol=2 * 0.25)


@pytest.mark.parametrize("preprocess", [UNIT, Preprocess((104.0,), (2.0,), "BGR")])
def test_what_is_put_out_as_it_came_in_is_the_picture(preprocess):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    values = pictures.prepare(pixels, (3, 20, 40), preprocess)
    found = decode(Restore(), {"y": values[None]}, View.of_values(values, preprocess), ())
    np.testing.assert_array_equal(np.asarray(found.picture), pixels)
    nothing = np.zeros_like(values)
    found = decode(Restore(residual=True), {"y": nothing}, View.of_values(values, preprocess), ())
    np.testing.assert_array_equal(np.asarray(found.picture), pixels)


def test_black_and_white_are_told():
    value = np.array([[[[-1.0, 0.0, 1.0, 5.0]]]])
    found = decode(Restore(black=-1, white=1), {"y": value}, view(), ())
    assert np.asarray(found.picture).tolist() == [[0, 128, 255, 255]]
    assert found.values == {"size": [4, 1]}


@pytest.mark.parametrize("fit, rows", [("crop", slice(0, 20)), ("letterbox", slice(6, 14))])
def test_luminance_gets_the_colours_of_the_picture(fit, rows):
    grey = Preprocess((0.0,), (1 / 255,), "L", 1.0, fit)
    picture = Image.new("RGB", (20, 10), (200, 50, 30))
    values = pictures.prepare(np.asarray(picture.convert("L"))[:, :, None], (1, 10, 10), grey)
    seen = View(picture, pictures.window((20, 10), (1, 10, 10), grey), values, grey)
    found = decode(Restore(), {"y": values.repeat(2, 1).repeat(2, 2)}, seen, ())
    assert found.picture.size == (20, 20)
    inside = np.asarray(found.picture)[rows]
    np.testing.assert_allclose(inside, np.broadcast_to((200, 50, 30), inside.shape), atol=2)


def test_a_task_is_guessed_of_vectors_only():
    assert guess({"y": (1, 10)}) == guess({"y": (4, 10, 1, 1)}) == Classify()
    assert guess({"y": (1, 10, 2, 1)}) is guess({"a": (1, 9), "b": (1, 9)}) is guess({}) is None


@pytest.mark.parametrize(
    "task, shape, message",
    [
        (Restore(), (1, 5, 20, 40), "an output of 5 channels is no picture"),
        (Restore(residual=True), (1, 3, 40, 80), "cannot be subtracted from an input of shape"),
        (KeyPoints(), (1, 7), "7 values are no pairs"),
        (Masks(), (1, 10), r"shape \[1, 10\] cannot be decoded: expected \[classes, rows, colu"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(task, shape, message):
    with pytest.raises(InputError, match=message):
        check(task, {"y": shape}, (3, 20, 40))


def test_shapes_that_are_not_known_are_not_refused():
    check(Masks(), {"y": (1, 0)}, (3, 20, 40))
    check(Masks(), {"y": ()}, (3, 20, 40))


def test_labels_may_leave_out_the_background():
    scores = np.array([[0.1, 0.7, 0.2]])
    whole = decode(Classify(), {"y": scores}, view(), ["none", "cat", "dog"])
    short = decode(Classify(), {"y": scores}, view(), ["cat", "dog"])
    assert whole.text == "cat (0.700), dog (0.200), none (0.100)"
    assert short.text == "cat (0.700), dog (0.200), background (0.100)"
    assert decode(Classify(), {"y": scores}, view(), ()).values["classes"][0] == {
        "label": "1",
        "index": 1,
        "score": 0.7,
    }
