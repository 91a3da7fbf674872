"""Tiles of several layers in turns: where the array would wait, and never at the cost of cycles or
of parameters that are still in use.
"""

import dataclasses
from itertools import pairwise

import pytest
from random_networks import Builder, random_network
from test_networks import CONFIGS, check

from hwcnn.config import AccelConfig
from hwcnn.cycles.replay import estimate
from hwcnn.scheduler import interleave
from hwcnn.scheduler.compile import compile_graph
from hwcnn.tile_ops import Program

CONFIG = AccelConfig()


def pooled():
    """A large map with few multiplications, a pool that the bus is slow for, and more work for the
    array behind it.
    """
    b = Builder(1, (1, 16, 64, 64))
    x = b.pool(b.conv("x", 32), "max", 3, 2)
    x = b.conv(x, 16)
    return b.done(b.conv(b.conv(x, 48, 3, 1, 1), 32, 3, 1, 1))


def turns(compiled):
    """How often the array goes back to a layer that it has left."""
    layers = [layer for layer, _ in compiled.manifest.queues["array"]]
    return sum(after < before for before, after in pairwise(layers))


def cycles(compiled):
    return estimate(Program(compiled.ops, compiled.layer_count), compiled.manifest.config).cycles


def test_tiles_take_turns_where_that_is_faster(monkeypatch):
    compiled = check(pooled(), CONFIG)
    assert turns(compiled) > 0
    monkeypatch.setattr(interleave, "IDLE", 1)
    plain = compile_graph(pooled(), CONFIG)
    assert turns(plain) == 0
    assert cycles(compiled) < cycles(plain)
    assert len(compiled.ops) == len(plain.ops)


@pytest.mark.parametrize("cols", [4, 8])
def test_no_parameters_are_overwritten_that_are_in_use(cols):
    """The check of the program would find it."""
    check(pooled(), dataclasses.replace(CONFIG, cols=cols, param_slots=8))


@pytest.mark.parametrize("seed", range(200, 205))
def test_any_sequence_that_keeps_the_order_of_layers_is_right(seed, monkeypatch):
    """Turns as often as possible, and taken even where they are slower."""
    monkeypatch.setattr(interleave, "IDLE", -10)
    monkeypatch.setattr(interleave, "WORTH_A_TURN", -100_000)
    monkeypatch.setattr("hwcnn.scheduler.compile.faster", lambda found, *_: found[-1])
    check(random_network(seed, batch=2), CONFIGS["8x16"], seed)


def test_slots_are_held_from_a_layers_first_tile_to_its_last():
    slots = interleave._Slots(8)
    a, b, c, alone = (
        interleave.ArrayTile(layer, lambda: None, n) for layer, n in enumerate((4, 3, 2, None))
    )
    slots.take(a, is_last=False)
    assert slots.allow(b) and not slots.allow(alone)
    slots.take(b, is_last=True)
    assert not slots.allow(c) and slots.allow(a)  # 4 + 3 slots were handed out since `a` began
    slots.take(a, is_last=True)
    assert slots.allow(c) and slots.allow(alone)
    slots.take(alone, is_last=False)
    assert not slots.allow(c) and slots.allow(alone)
