"""Tile operations: a program decodes to what was encoded."""

import pytest
from random_networks import random_network

from hwcnn import tile_ops
from hwcnn.config import AccelConfig
from hwcnn.cycles.replay import estimate
from hwcnn.scheduler.compile import compile_graph

CONFIG = AccelConfig(rows=8, cols=8, act_kib=8, acc_depth=64)


@pytest.fixture(scope="module", params=range(3))
def compiled(request):
    return compile_graph(random_network(request.param), CONFIG)


def test_a_program_decodes_to_its_operations(compiled):
    decoded = tile_ops.from_program(compiled.program, compiled.manifest.queues)
    assert [(op.queue, op.layer, op.values, op.waits) for op in decoded] == [
        (op.queue, op.layer, op.values, op.waits) for op in compiled.ops
    ]


def test_decoded_waits_are_numbered_again(compiled):
    decoded = tile_ops.from_program(compiled.program, compiled.manifest.queues)
    waits = [dict(op.waits) for op in decoded]
    assert tile_ops.number(decoded) == compiled.manifest.counts
    assert [op.waits for op in decoded] == waits


def test_a_decoded_program_takes_as_long(compiled):
    decoded = tile_ops.Program(
        tile_ops.from_program(compiled.program, compiled.manifest.queues), compiled.layer_count
    )
    assert estimate(decoded, CONFIG) == estimate(compiled, CONFIG)


def test_an_instruction_of_no_layer():
    compiled = compile_graph(random_network(0), CONFIG)
    queues = compiled.manifest.queues | {"array": []}
    with pytest.raises(ValueError, match="belongs to no layer"):
        tile_ops.from_program(compiled.program, queues)
