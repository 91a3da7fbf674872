"""Shadows of memories: a view is of the addresses that an instruction means."""

import numpy as np
import pytest

from hwcnn.scheduler.shadows import DramShadow


def test_a_view_is_of_the_units_of_its_vectors():
    dram = DramShadow(80, unit=4)
    shadow = dram.written["pstore"]
    dram.view(shadow, 8, (32, 12), (2, 2), size=8)[...] = 1
    assert np.flatnonzero(shadow).tolist() == [2, 3, 5, 6, 10, 11, 13, 14]


def test_the_stride_of_one_item_does_not_matter():
    dram = DramShadow(16, unit=4)
    assert dram.view(dram.was_read, 4, (3, 1000), (1, 1), size=4).shape == (1, 1, 1)


@pytest.mark.parametrize("addr, strides", [(2, (4,)), (4, (6,))])
def test_addresses_between_units(addr, strides):
    dram = DramShadow(80, unit=4)
    with pytest.raises(ValueError, match="is not a multiple of 4"):
        dram.view(dram.was_read, addr, strides, (2,), size=4)


def test_addresses_outside():
    dram = DramShadow(16, unit=4)
    with pytest.raises(ValueError, match="outside of the memory"):
        dram.view(dram.was_read, 8, (4,), (3,), size=4)
