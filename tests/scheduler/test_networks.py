"""ISA == golden on every tensor of random networks, whatever memory held before."""

import numpy as np
import pytest
from random_networks import random_input, random_network, run_isa

from hwcnn.config import AccelConfig
from hwcnn.golden.run import run
from hwcnn.scheduler.check import check as check_program
from hwcnn.scheduler.compile import compile_graph

CONFIGS = {
    "4x4": AccelConfig(rows=4, cols=4, act_kib=8, acc_depth=64, param_slots=16, pool_depth=64),
    "8x16": AccelConfig(rows=8, cols=16, act_kib=4, acc_depth=128),
    "16x8": AccelConfig(rows=16, cols=8, act_kib=8, acc_depth=64, param_slots=8),
    "16x16": AccelConfig(),
}


def check(graph, config, seed=0):
    compiled = compile_graph(graph, config)
    check_program(compiled.program, config, compiled.manifest.dram_bytes)
    inputs = random_input(graph, seed)
    golden, isa = run(graph, inputs), run_isa(compiled, inputs, config, noise=seed)
    compared = [name for name in golden if name in isa]
    assert set(golden) - set(compared) <= set(graph.inputs)
    for name in compared:
        wrong = np.argwhere(golden[name] != isa[name])
        assert not len(wrong), (
            f"{name}: {len(wrong)} of {golden[name].size} differ, first at {wrong[0]}"
        )
    return compiled


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("seed", range(12))
def test_random(seed, config):
    check(random_network(seed), config, seed)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("seed", range(100, 104))
def test_batch(seed, config):
    check(random_network(seed, size=9, batch=2, layers=4), config, seed)
