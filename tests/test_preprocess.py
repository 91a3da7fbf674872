"""Pictures to arrays: order, range, resizing and cropping; unreadable ones are refused."""

import numpy as np
import pytest
from PIL import Image

from hwcnn import pictures
from hwcnn.errors import InputError
from hwcnn.preprocess import PRESETS, Preprocess, doubts, preset


def picture(path, pixels):
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return path


def test_a_picture_of_the_right_size_is_taken_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3))
    x = pictures.load(
        picture(tmp_path / "p.png", pixels), (3, 6, 5), Preprocess((10, 20, 30), (0.5, 1, 2), "RGB")
    )
    assert x.dtype == np.float32
    assert x.shape == (3, 6, 5)
    np.testing.assert_array_equal(x, ((pixels - [10, 20, 30]) * [0.5, 1, 2]).transpose(2, 0, 1))


def test_mean_and_scale_are_in_the_networks_order(tmp_path):
    path = picture(tmp_path / "p.png", np.full((4, 4, 3), (200, 100, 50)))
    x = pictures.load(path, (1, 3, 4, 4), Preprocess((50, 100, 200), (1,), "BGR"))
    assert not x.any()


def test_grey_pictures(tmp_path):
    path = picture(tmp_path / "p.png", np.arange(16).reshape(4, 4))
    np.testing.assert_array_equal(
        pictures.load(path, (1, 4, 4), Preprocess((0,), (1,), "L"))[0], np.arange(16).reshape(4, 4)
    )


def test_the_short_side_is_resized_and_the_centre_cropped(tmp_path):
    pixels = np.zeros((64, 128, 3))
    pixels[:, 40:88] = 255
    x = pictures.load(
        picture(tmp_path / "p.png", pixels), (3, 28, 28), Preprocess((0,), (1 / 255,), "RGB")
    )
    # 64x128 becomes 32x64, of which columns 18 to 45 are kept: white from 20 to 43
    assert x.shape == (3, 28, 28)
    assert x[:, :, 4:24].min() == 1
    assert x[:, :, 0].max() < 0.1
    assert x[:, :, -1].max() < 0.1


@pytest.mark.parametrize(
    "settings",
    [{"order": "RGBA"}, {"mean": (1, 2)}, {"scale": ()}, {"resize": 0.5}, {"fit": "squeeze"}],
)
def test_bad_settings(settings):
    with pytest.raises(InputError, match="preprocessing"):
        Preprocess(**settings)


def test_unreadable_pictures(tmp_path):
    whole = picture(
        tmp_path / "p.png", np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    ).read_bytes()
    for name, data in (
        ("text.png", b"no picture"),
        ("empty.png", b""),
        ("cut.png", whole[: len(whole) // 2]),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=name):
            pictures.load(tmp_path / name, (3, 64, 64), Preprocess())
    with pytest.raises(InputError, match="missing.png"):
        pictures.load(tmp_path / "missing.png", (3, 64, 64), Preprocess())


def test_channels_must_match(tmp_path):
    with pytest.raises(InputError, match="3 channels, the network takes 1"):
        pictures.load(picture(tmp_path / "p.png", np.zeros((4, 4, 3))), (1, 4, 4), Preprocess())


def test_a_letterbox_holds_all_of_the_picture(tmp_path):
    path = picture(tmp_path / "p.png", np.full((20, 40, 3), 255))
    x = pictures.load(path, (3, 16, 16), PRESETS["yolo"])
    # 20x40 becomes 8x16, with four rows of grey above and below
    assert (x[:, 4:12] == 1).all()
    np.testing.assert_allclose(x[:, :4], 114 / 255, rtol=1e-6)
    np.testing.assert_allclose(x[:, 12:], 114 / 255, rtol=1e-6)


def test_presets_are_what_the_frameworks_compute():
    pixels = np.array([10.0, 100.0, 250.0])  # R, G, B
    torch = (pixels / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    expected = {
        "torchvision": torch,
        "tf": pixels / 127.5 - 1,
        "caffe": pixels[::-1] - (103.939, 116.779, 123.68),
        "yolo": pixels / 255,
        "raw": pixels,
    }
    assert set(expected) == set(PRESETS)
    for name, want in expected.items():
        x = pictures.prepare(pixels.astype(np.uint8).reshape(1, 1, 3), (3, 1, 1), preset(name))
        np.testing.assert_allclose(x.reshape(3), want, rtol=1e-4, atol=1e-4, err_msg=name)


def test_an_unknown_preset_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean torchvision"):
        preset("torchvison")


@pytest.mark.parametrize(
    "mean,scale,order,what",
    [
        ((0.485, 0.456, 0.406), (1.0,), "RGB", "mean of 123.67,116.28,103.53"),
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), "RGB", "divided"),
        ((0.0,), (1 / 255 / 58,), "RGB", "no prepared pixel"),
        ((103.9, 116.8, 123.7), (1.0,), "RGB", "looks like BGR"),
        ((123.7, 116.3, 103.5), (1.0,), "BGR", "looks like RGB"),
    ],
)
def test_implausible_settings_are_told(mean, scale, order, what):
    (doubt,) = doubts(Preprocess(mean, scale, order))
    assert what in doubt


@pytest.mark.parametrize("given", list(PRESETS.values()))
def test_presets_are_plausible(given):
    assert doubts(given) == []


@pytest.mark.parametrize(
    "mean,scale,what",
    [((0.485, 0.456, 0.406), (1 / 0.229,), "0 to 1"), ((0.0,), (0.0,), "all pixels the same")],
)
def test_certainly_wrong_settings_are_refused(mean, scale, what):
    with pytest.raises(InputError, match=what):
        doubts(Preprocess(mean, scale, "RGB"))
