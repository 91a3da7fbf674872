"""Arrays and pictures as inputs: what is taken, as what, and what is refused."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from hwcnn.errors import InputError
from hwcnn.preprocess import Preprocess
from hwcnn.sim import inputs

SHAPE = (3, 4, 5)
#: mean and scale by channel, in the network's order.
COLOUR, GREY = Preprocess((10, 20, 30), (0.5, 1, 2), "RGB"), Preprocess((10,), (0.5,), "L")
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)


def samples(path, array, shape=SHAPE, preprocess=COLOUR, **options):
    np.save(path / "x.npy", array)
    return inputs.samples(path / "x.npy", {"x": shape}, preprocess, **options)


@pytest.mark.parametrize(
    "make,count",
    [
        (lambda p: p, 1),
        (lambda p: p[None], 1),
        (lambda p: p.transpose(2, 0, 1), 1),
        (lambda p: p.transpose(2, 0, 1)[None], 1),
        (lambda p: np.stack([p] * 4), 4),
        (lambda p: np.stack([p.transpose(2, 0, 1)] * 3), 3),
    ],
)
def test_arrays_of_uint8_are_pictures(tmp_path, make, count):
    found = samples(tmp_path, make(PIXELS))
    expected = ((PIXELS - [10.0, 20.0, 30.0]) * [0.5, 1, 2]).transpose(2, 0, 1)
    assert len(found) == count
    for sample in found:
        np.testing.assert_array_equal(sample["x"], expected[None].astype(np.float32))


@pytest.mark.parametrize(
    "make,count",
    [
        (lambda p: p, 1),
        (lambda p: p[None], 1),
        (lambda p: p[..., None], 1),
        (lambda p: np.stack([p, p]), 2),
        (lambda p: np.stack([p, p])[..., None], 2),
        (lambda p: np.stack([p, p])[:, None], 2),
    ],
)
def test_grey_ones_may_leave_the_channel_out(tmp_path, make, count):
    found = samples(tmp_path, make(PIXELS[..., 0]), (1, 4, 5), GREY)
    assert len(found) == count
    for sample in found:
        np.testing.assert_array_equal(
            sample["x"], ((PIXELS[..., 0] - 10.0) * 0.5)[None, None].astype(np.float32)
        )


@pytest.mark.parametrize("order", ["RGB", "BGR"])
@pytest.mark.parametrize("size", [(4, 5), (40, 31)])
def test_an_array_and_a_file_of_the_same_picture_agree(tmp_path, order, size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    preprocess = Preprocess((10, 20, 30), (0.5, 1, 2), order)
    (ours,) = samples(tmp_path, pixels, preprocess=preprocess)
    np.testing.assert_array_equal(
        ours["x"], inputs.samples(tmp_path / "x.png", {"x": SHAPE}, preprocess)[0]["x"]
    )


def test_quantised_values(tmp_path):
    values = np.arange(-30, 30, dtype=np.int8).reshape(SHAPE)
    np.testing.assert_array_equal(samples(tmp_path, values)[0]["x"], values[None])
    above = (values.astype(int) + 128).astype(np.uint8)
    np.testing.assert_array_equal(samples(tmp_path, above, unsigned={"x"})[0]["x"], values[None])
    with pytest.raises(
        InputError, match="int8, which means quantised values: to calibrate, give real ones"
    ):
        samples(tmp_path, values, quantised=False)


@pytest.mark.parametrize("kind,count", [(np.int8, 1), (np.float32, 1), (np.float64, 2)])
def test_maps_may_have_their_channels_last(tmp_path, kind, count):
    maps = np.random.default_rng(0).integers(-9, 9, (count, *SHAPE)).astype(kind)
    array = maps.transpose(0, 2, 3, 1)
    for given in [array, *([array[0]] if count == 1 else [])]:
        found = samples(tmp_path, given)
        np.testing.assert_array_equal(np.concatenate([sample["x"] for sample in found]), maps)


def test_channels_are_first_where_the_shape_does_not_tell(tmp_path):
    array = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    np.testing.assert_array_equal(samples(tmp_path, array, (3, 3, 3))[0]["x"][0], array)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int16, np.int32, np.uint16, np.int64])
def test_all_other_numbers_are_real(tmp_path, kind):
    values = (np.arange(60) * 3).astype(kind).reshape(SHAPE)
    (found,) = samples(tmp_path, values)
    assert found["x"].dtype == np.float32
    np.testing.assert_array_equal(found["x"][0], values.astype(np.float32))


def with_value(value, kind=np.float64):
    array = np.zeros(SHAPE, kind)
    array[1, 2, 3] = value
    return array


@pytest.mark.parametrize(
    "array,words",
    [
        (np.zeros((0, *SHAPE), np.float32), r"\[0, 3, 4, 5\]: it holds no sample"),
        (np.zeros((0, 4, 5, 3), np.uint8), r"\[0, 4, 5, 3\]"),
        (np.zeros((0,), np.float32), r"\[0\].*\[3, 4, 5\]"),
        (np.float32(3), r"\[\].*\[3, 4, 5\]"),
        (np.zeros((5, 4, 3), np.float32), r"\[5, 4, 3\].*\[3, 4, 5\]"),
        (np.zeros((2, 2, *SHAPE), np.float32), r"\[2, 2, 3, 4, 5\].*\[3, 4, 5\]"),
        (np.zeros((4, 5, 4), np.uint8), r"\[4, 5, 4\].*\[4, 5, 3\]"),
        (np.zeros((4, 5), np.uint8), r"\[4, 5\].*\[4, 5, 3\]"),
        (with_value(1e300), r"holds 1e\+300 at \[0, 1, 2, 3\], which is not finite as float32"),
        (with_value(-3.5e38), r"-3\.5e\+38 at"),
        (with_value(np.nan, np.float32), r"nan at \[0, 1, 2, 3\]"),
        (with_value(-np.inf, np.float16), "-inf at"),
        (with_value(2**300, object), "Object arrays|allow_pickle"),
        (np.zeros(SHAPE, np.complex64), "complex64"),
        (np.zeros(SHAPE, bool), "bool"),
        (np.zeros(SHAPE, "U3"), "<U3"),
        (np.zeros(SHAPE, "M8[s]"), "datetime"),
        (np.zeros(SHAPE, [("a", "f4")]), "expected real numbers"),
    ],
)
def test_refused_arrays(tmp_path, array, words):
    with pytest.raises(InputError, match=f"x.npy.*({words})") as refusal:
        samples(tmp_path, array)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "suffix,damage",
    [
        (s, d)
        for s in ("npy", "npz")
        for d in (
            lambda d: b"",
            lambda d: d[:40],
            lambda d: d[:-9],
            lambda d: b"\x80\x04K\x01.",
            lambda d: d.replace(b"(3,", b"(-3"),
        )
    ]
    + [
        ("npy", d)
        for d in (
            lambda d: b"PK\x03\x04" + d,
            lambda d: d[:8] + b"\xff\xff" + d[10:],
            lambda d: d.replace(b"<f4", b"<q9"),
            lambda d: d.replace(b"5)", b"5("),
            lambda d: d.replace(b"(3, 4, 5), }         ", b"(3, 4, 10**12), }    "),
            lambda d: d.replace(b"(3, 4, 5), }         ", b"(3, 4, 999999999999)}"),
        )
    ],
)
def test_damaged_files(tmp_path, suffix, damage):
    (np.save if suffix == "npy" else np.savez)(
        tmp_path / f"x.{suffix}", np.zeros(SHAPE, np.float32)
    )
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=f"x.{suffix}: "):
        inputs.samples(path, {"x": SHAPE}, COLOUR)


def test_archives_that_do_not_match(tmp_path):
    path, wanted = tmp_path / "x.npz", {"a": SHAPE, "b": SHAPE}
    for arrays, words in (
        ({}, "holds nothing"),
        ({"a": np.zeros(SHAPE)}, "holds a, expected an array each for a, b"),
        ({"a": np.zeros(SHAPE), "b": np.zeros((2, *SHAPE))}, "different numbers of samples"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(InputError, match=words):
            inputs.samples(path, wanted, COLOUR)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", b"text")
        file.writestr("b.npy", b"junk")
    with pytest.raises(InputError, match="x.npz: its member 'a.txt' is no NumPy array"):
        inputs.samples(path, wanted, COLOUR)


def picture(path, array, mode=None, **options):
    image = Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)
    image.save(path, **options)
    return path


def load(path, preprocess=COLOUR, shape=SHAPE):
    return inputs.samples(path, {"x": shape}, preprocess)[0]["x"][0]


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    """Pillow's own conversion would make all of it white."""
    deep = np.array([[0, 257, 25_700, 65_535, 128]] * 4, np.uint16)
    for name in ("x.png", "x.tif"):
        grey = load(picture(tmp_path / name, deep), Preprocess((0,), (1,), "L"), (1, 4, 5))
        np.testing.assert_array_equal(grey[0, 0], [0, 1, 100, 255, 0])
        colour = load(tmp_path / name, Preprocess((0,), (1,), "RGB"))
        np.testing.assert_array_equal(colour[:, 0], [[0, 1, 100, 255, 0]] * 3)
    (tmp_path / "x.pgm").write_bytes(b"P5 5 4 65535\n" + deep.astype(">u2").tobytes())
    np.testing.assert_array_equal(
        load(tmp_path / "x.pgm", Preprocess((0,), (1,), "L"), (1, 4, 5)), grey
    )


def test_palettes_opaque_alpha_and_cmyk(tmp_path):
    plain = Preprocess((0,), (1,), "RGB")
    few = np.zeros((4, 5, 3), np.uint8)
    few[1:, 2:] = 51, 204, 0  # of the web palette
    expected = few.transpose(2, 0, 1)
    np.testing.assert_array_equal(load(picture(tmp_path / "p.png", few, "P"), plain), expected)
    np.testing.assert_array_equal(load(picture(tmp_path / "a.png", few, "RGBA"), plain), expected)
    np.testing.assert_array_equal(load(picture(tmp_path / "c.tif", few, "CMYK"), plain), expected)
    white = np.array([[0, 255, 0, 0, 255]] * 4, np.uint8)
    np.testing.assert_array_equal(
        load(picture(tmp_path / "1.png", white, "1"), plain), np.stack([white] * 3)
    )


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pictures_have_no_colour(tmp_path, mode):
    pixels = np.dstack([PIXELS, np.full((4, 5), 255, np.uint8)])
    pixels[2, 2, 3] = 254
    with pytest.raises(InputError, match="x.png: it has transparent pixels.*background"):
        load(picture(tmp_path / "x.png", pixels, mode))
    with pytest.raises(InputError, match="transparent"):
        load(picture(tmp_path / "p.png", np.zeros((4, 5, 3), np.uint8), "P", transparency=0))


def test_pixels_of_32_bits_are_refused(tmp_path):
    for kind in (np.float32, np.int32):
        with pytest.raises(InputError, match="x.tif: its pixels have 32 bits"):
            load(picture(tmp_path / "x.tif", np.zeros((4, 5), kind)))


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tif", "webp"])
def test_damaged_pictures_load_or_are_refused_in_one_line(tmp_path, suffix):
    rng = np.random.default_rng(5)
    whole = picture(
        tmp_path / f"w.{suffix}", rng.integers(0, 256, (24, 24, 3), np.uint8)
    ).read_bytes()
    path, refused = tmp_path / f"x.{suffix}", 0
    for _ in range(40):
        data = bytearray(whole)
        for at in rng.integers(0, min(len(whole), 200), 4):
            data[at] = rng.integers(0, 256)
        path.write_bytes(data[: rng.integers(1, len(data) + 1)] if rng.random() < 0.5 else data)
        try:
            assert np.isfinite(load(path)).all()
        except InputError as e:
            refused += 1
            assert str(path) in str(e)
            assert "\n" not in str(e)
    assert refused


def test_a_picture_for_a_network_that_takes_none(tmp_path):
    path = picture(tmp_path / "x.png", PIXELS)
    for shape in ((10,), (7, 4, 5)):
        with pytest.raises(InputError, match="x.png: a picture"):
            load(path, shape=shape)
        with pytest.raises(InputError, match="x.npy"):
            samples(tmp_path, np.zeros((4, 5, 3), np.uint8), shape)


def test_pictures_that_are_far_too_large(tmp_path, monkeypatch):
    path = picture(tmp_path / "x.png", PIXELS)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 19)
    with pytest.raises(InputError, match="x.png: cannot read it as a picture: .*exceeds limit"):
        load(path)
