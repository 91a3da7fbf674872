"""The cycle model's invariants; whole networks measure its agreement with the RTL."""

import pytest
from random_networks import Builder, random_network

from hwcnn.config import AccelConfig
from hwcnn.cycles.dispatch import Dispatch
from hwcnn.cycles.event_model import EventModel
from hwcnn.cycles.replay import estimate, replay
from hwcnn.scheduler.compile import compile_graph


@pytest.fixture(scope="module")
def chain():
    b = Builder(1, (1, 32, 28, 28))
    x = b.conv(b.conv("x", 64, 3, 1, 1), 64, 3, 1, 1)
    return compile_graph(b.done(b.conv(b.pool(x, "max", 2, 2), 64, 3, 1, 1)), AccelConfig())


def array_cycles(compiled, config):
    return sum(
        v["n_cb"] * v["n_ky"] * v["n_kx"] * v["n_ob"] * max(v["n_y"] * v["n_x"], config.rows)
        for v in (op.values for op in compiled.ops if op.queue == "array")
    )


def test_the_array_is_busy(chain):
    least = array_cycles(chain, AccelConfig())
    cycles = estimate(chain, AccelConfig()).cycles
    assert least < cycles < 1.05 * least


def test_layers_add_up(chain):
    result = estimate(chain, AccelConfig())
    assert sum(result.layers) == result.cycles
    assert len(result.layers) == len(chain.graph.ops)


def test_slow_memory_costs(chain):
    fast, slow = (estimate(chain, AccelConfig(), latency=n).cycles for n in (16, 200))
    assert fast < slow


def test_traffic(chain):
    """Every result is written once; the weights are read at least once."""
    result = estimate(chain, AccelConfig())
    assert result.dram_write_bytes == 64 * (2 * 28 * 28 + 2 * 14 * 14)
    assert result.dram_read_bytes > len(chain.program) - 16 + 32 * 64 * 9 + 2 * 64 * 64 * 9


class Recorder(EventModel):
    """Keeps the start of each operation that waits for something; WEIGHT has no waits: the array's
    stream holds it back.
    """

    def __init__(self, config):
        super().__init__(config)
        self.starts = {}

    def begin(self, op, start):
        if op.queue != "weight":
            self.starts[id(op)] = start
        return super().begin(op, start)


@pytest.mark.parametrize("seed", range(4))
def test_program_order_is_start_order(seed):
    """What is emitted first starts first, so that in-order dispatch holds nothing back."""
    config = AccelConfig(rows=8, cols=8, act_kib=8, acc_depth=64, queue_words=256)
    ops = compile_graph(random_network(seed), config).ops
    model = Recorder(config)
    assert len(list(replay(model, Dispatch(ops, config, latency=0)))) == len(ops)
    starts = [model.starts[id(op)] for op in ops if id(op) in model.starts]
    late = sum(max(starts[: i + 1]) - start for i, start in enumerate(starts))
    assert late <= 0.01 * starts[-1] * len(starts)
