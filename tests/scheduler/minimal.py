"""Configurations at the lower end of what is legal."""

from hwcnn.config import AccelConfig

#: Every buffer, queue and FIFO at its minimum.
LEAST = dict(
    act_kib=4,
    acc_depth=64,
    queue_words=16,
    read_fifo=32,
    weight_fifo=64,
    param_slots=8,
    pool_depth=64,
    dw_taps=1,
)


def least(rows, cols, axi_bytes, **changes):
    return AccelConfig(rows=rows, cols=cols, axi_bytes=axi_bytes, **LEAST | changes)
