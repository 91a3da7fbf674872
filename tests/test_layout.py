"""Tensors in DRAM: every byte where the documentation says."""

import numpy as np
import pytest

from hwcnn.layout import Placement, dense, join


def values(shape):
    return np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)


def test_bytes():
    place = Placement(64, (2, 6, 2, 3), 4, 100, dense(6), fill=-3)
    x = values(place.shape)
    packed = place.pack(x)
    assert len(packed) == 100 + 2 * 2 * 3 * 4
    for n, c, h, w in np.ndindex(2, 8, 2, 3):
        at = n * 100 + (c // 4) * 24 + (h * 3 + w) * 4 + c % 4
        assert packed[at : at + 1].view(np.int8)[0] == (x[n, c, h, w] if c < 6 else -3)


@pytest.mark.parametrize("runs", [dense(9), ((0, 3), (4, 6)), ((0, 5), (8, 1), (12, 3))])
@pytest.mark.parametrize("images", [1, 3])
def test_round_trip(runs, images):
    place = Placement(32, (images, sum(n for _, n in runs), 3, 2), 4, 400, runs)
    x = values(place.shape)
    dram = np.full(4096, 0x55, np.uint8)
    dram[place.addr : place.addr + place.size] = place.pack(x)
    assert np.array_equal(place.unpack(dram), x)


def test_join():
    assert join([dense(8), dense(5), dense(4)], 4) == ((0, 13), (16, 4))
    assert join([dense(3), ((0, 2), (4, 1))], 4) == ((0, 3), (4, 2), (8, 1))


def test_address():
    place = Placement(1000, (2, 9, 5, 7), 4, 999, dense(9))
    assert place.address(1, 2, 3, 4) == 1000 + 999 + 2 * 5 * 7 * 4 + (3 * 7 + 4) * 4
