"""Random networks on random legal configurations: each parameter at its minimum, its maximum and
between.
"""

import numpy as np
import pytest
from random_networks import random_network
from test_networks import check

from hwcnn.config import AccelConfig
from hwcnn.cycles import replay
from hwcnn.errors import InputError

#: Values of each parameter of buffers, queues and FIFOs, the minimum twice.
CHOICES = dict(
    acc_depth=(64, 64, 128, 4096),
    act_kib=(4, 4, 8, 4096),
    axi_bytes=(8, 16, 32, 64),
    queue_words=(16, 16, 64, 256),
    read_fifo=(32, 32, 64, 1024),
    weight_fifo=(64, 64, 128, 4096),
    param_slots=(8, 8, 16, 256),
    pool_depth=(64, 64, 128, 4096),
    dw_taps=(0, 1, 3, 8),
)


def random_config(rng, side):
    while True:
        values = {name: int(rng.choice(choices)) for name, choices in CHOICES.items()}
        rows, cols = (int(v) for v in rng.choice(side, 2))
        try:
            return AccelConfig(rows=rows, cols=cols, **values)
        except InputError:  # the bus is too wide for the array
            pass


@pytest.mark.parametrize("seed", range(40))
def test_random_configuration(seed):
    rng = np.random.default_rng([13, seed])
    config = random_config(rng, (4, 8, 16) if seed % 4 else (4, 32, 64))
    try:
        compiled = check(
            random_network(
                int(rng.integers(1000)), int(rng.integers(5, 14)), int(rng.integers(1, 3)), 6
            ),
            config,
            seed,
        )
    except InputError as e:
        assert "increase act_kib" in str(e)
        assert config.act_kib < 16
        return
    assert 0 < replay.estimate(compiled, config).cycles < 1 << 24
