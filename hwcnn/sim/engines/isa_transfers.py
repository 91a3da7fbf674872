"""LOAD, WEIGHT and PARAM in the ISA engine: what brings data from DRAM into the accelerator."""

import numpy as np

from .isa_machine import Machine, ProgramError, Values

_LRN_WORD = 0x1FFFF


def load(machine: Machine, v: Values) -> None:
    """A tile, with its pads, into the activation buffer."""
    tile = machine.read_tile(v).reshape(-1, machine.config.lanes)
    if v["dest"] + len(tile) > len(machine.activations):
        raise ProgramError(f"load: {len(tile)} vectors at {v['dest']} exceed the activation buffer")
    machine.activations[v["dest"] : v["dest"] + len(tile)] = tile
    machine.complete("load")


def weight(machine: Machine, v: Values) -> None:
    """Bytes into the weight stream, which ARRAYs use in order."""
    machine.weights.append(machine.memory(v["addr"], (1,), (v["n_bytes"],)))


def param(machine: Machine, v: Values) -> None:
    """Beats into parameter slots (dest 0: post, 1: vector), the LRN table (2) or the table (3)."""
    config = machine.config
    data = machine.memory(v["addr"], (1,), (v["n_beats"] * config.axi_bytes,))
    if v["dest"] == 0:
        _fill_slots(machine.post_params, v["index"], data, config.post_param_bytes)
    elif v["dest"] == 1:
        _fill_slots(machine.vector_params, v["index"], data, config.vector_param_bytes)
    elif v["dest"] == 2:
        words = np.ascontiguousarray(data).view("<u4").astype(np.int64) & _LRN_WORD
        machine.lrn_table[: len(words)] = words[: len(machine.lrn_table)]
    else:
        machine.table[:] = data[: len(machine.table)]
    machine.complete("param")


def _fill_slots(slots: np.ndarray, first: int, data: np.ndarray, size: int) -> None:
    """Slots from `first` on, modulo their number, get `size` bytes each; what fills a slot up to a
    whole beat is dropped.
    """
    words = np.ascontiguousarray(data).view("<u8").reshape(-1, size // 8)[:, : slots.shape[1]]
    slots[(first + np.arange(len(words))) % len(slots)] = words
