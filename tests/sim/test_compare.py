import numpy as np
import pytest

from hwcnn.layout import Placement, dense, join
from hwcnn.sim.compare import compare, difference, writing_instruction


def values(shape, seed=0):
    return np.random.default_rng(seed).integers(-128, 128, shape, np.int8)


@pytest.mark.parametrize("runs", [dense(20), join([dense(5), dense(15)], 8)])
def test_finds_the_one_wrong_element(runs):
    place = Placement(addr=64, shape=(2, 20, 3, 4), lanes=8, image_stride=8 * 5 * 12, runs=runs)
    right = values(place.shape)
    dram = np.zeros(4096, np.uint8)
    dram[place.addr : place.addr + place.size] = place.pack(right)
    assert compare(dram, {"t": place}, {"t": right})["t"].mismatches == 0

    n, c, h, w = 1, 17, 2, 3
    position = int(place.positions()[c])
    address = place.address(n, position // 8, h, w) + position % 8
    dram[address] ^= 0x80
    found = compare(dram, {"t": place}, {"t": right})["t"]
    assert (found.mismatches, found.at, found.max_abs_error, found.expected) == (
        1,
        (n, c, h, w),
        128,
        right[n, c, h, w],
    )
    assert found.elements == 2 * 20 * 3 * 4
    assert found.got == int(right[n, c, h, w]) ^ -128


def test_holes_are_not_compared():
    place = Placement(0, (1, 5, 1, 1), 8, 8, dense(5))
    dram = np.full(64, 77, np.uint8)
    dram[:5] = place.pack(values(place.shape))[:5]
    assert compare(dram, {"t": place}, {"t": values(place.shape)})["t"].mismatches == 0


def test_error_of_int8_extremes_does_not_wrap():
    got, expected = np.full((1, 1, 1, 2), -128, np.int8), np.full((1, 1, 1, 2), 127, np.int8)
    assert difference("t", got, expected).max_abs_error == 255


def test_tensors_that_golden_lacks_are_left_out():
    place = Placement(0, (1, 8, 1, 1), 8, 8, dense(8))
    assert compare(np.zeros(8, np.uint8), {"copy": place}, {}) == {}


def test_writer_names_the_tile():
    """Two POSTs write the upper and the lower rows of two blocks of 8 channels, 4x4 pixels; a
    VECTOR writes elsewhere.
    """
    place = Placement(0, (1, 16, 4, 4), 8, 256, dense(16))
    tile = dict(
        out_blk_stride=128, out_row_stride=32, out_pix_stride=8, out_rows=2, out_cols=4, n_blk=2
    )
    program = [
        ("load", {}),
        ("post", tile | {"out_addr": 0}),
        ("vector", tile | {"out_addr": 4096}),
        ("post", tile | {"out_addr": 64}),
    ]
    assert writing_instruction(program, place, (0, 3, 1, 2), 8) == (0, "post")
    assert writing_instruction(program, place, (0, 12, 2, 0), 8) == (1, "post")
    assert writing_instruction(program[:2], place, (0, 12, 2, 0), 8) is None


def test_writer_sees_half_vectors():
    """With fewer columns than rows a POST writes a part of each vector."""
    place = Placement(0, (1, 8, 1, 2), 8, 16, dense(8))
    tile = dict(
        out_blk_stride=0, out_row_stride=0, out_pix_stride=8, out_rows=1, out_cols=2, n_blk=1
    )
    program = [("post", tile | {"out_addr": 0}), ("post", tile | {"out_addr": 4})]
    assert writing_instruction(program, place, (0, 3, 0, 1), 4) == (0, "post")
    assert writing_instruction(program, place, (0, 4, 0, 1), 4) == (1, "post")
