"""LOAD, WEIGHT and PARAM in the ISA engine: what brings data from DRAM into the accelerator."""

import numpy as np

from hwcnn import isa

from .isa_machine import Machine, ProgramError, Values

_LRN_WORD = 0x1FFFF


def load(machine: Machine, v: Values) -> None:
    """A tile, with its pads, into the activation buffer; of its lanes all, or one half twice."""
    tile = machine.read_tile(v).reshape(-1, machine.config.lanes)
    middle = machine.config.lanes // 2
    if v["half"] == isa.HALF_LOWER:
        tile = np.tile(tile[:, :middle], 2)
    elif v["half"] == isa.HALF_UPPER:
        tile = np.tile(tile[:, middle:], 2)
    if v["dest"] + len(tile) > len(machine.activations):
        raise ProgramError(f"load: {len(tile)} vectors at {v['dest']} exceed the activation buffer")
    machine.activations[v["dest"] : v["dest"] + len(tile)] = tile
    machine.complete("load")


def weight(machine: Machine, v: Values) -> None:
    """Bytes into the weight stream, which ARRAYs use in order."""
    machine.weights.append(machine.memory(v["addr"], (1,), (v["n_bytes"],)))


def param(machine: Machine, v: Values) -> None:
    """Beats into parameter slots, a table or the depthwise weights, as `dest` says."""
    config = machine.config
    data = machine.memory(v["addr"], (1,), (v["n_beats"] * config.axi_bytes,))
    if v["dest"] == isa.PARAM_POST:
        _fill_slots(machine.post_params, v["index"], data, config.post_param_bytes)
    elif v["dest"] == isa.PARAM_VECTOR:
        _fill_slots(machine.vector_params, v["index"], data, config.vector_param_bytes)
    elif v["dest"] == isa.PARAM_LRN:
        words = np.ascontiguousarray(data).view("<u4").astype(np.int64) & _LRN_WORD
        machine.lrn_table[: len(words)] = words[: len(machine.lrn_table)]
    elif v["dest"] == isa.PARAM_DEPTHWISE:
        _fill_weights(machine, v["index"], data)
    else:
        machine.table[:] = data[: len(machine.table)]
    machine.complete("param")


def _fill_weights(machine: Machine, first: int, data: np.ndarray) -> None:
    """Words of depthwise weights from `first` on, modulo their number."""
    config, weights = machine.config, machine.dw_weights
    words = data.reshape(-1, config.dw_word_bytes)[:, : config.dw_taps * config.lanes]
    at = (first + np.arange(len(words))) % len(weights)
    weights[at] = words.reshape(-1, config.dw_taps, config.lanes)


def _fill_slots(slots: np.ndarray, first: int, data: np.ndarray, size: int) -> None:
    """Slots from `first` on, modulo their number, get `size` bytes each; what fills a slot up to a
    whole beat is dropped.
    """
    words = np.ascontiguousarray(data).view("<u8").reshape(-1, size // 8)[:, : slots.shape[1]]
    slots[(first + np.arange(len(words))) % len(slots)] = words
