"""The event model: when each operation starts and ends, from simple rules for each engine.

A queue takes its operations in order; one starts when the queue is free and its waits hold. The scheduler orders
programs by it, and the cycle model is the same replay.
"""

from dataclasses import dataclass

from .. import isa, limits


@dataclass(frozen=True)
class Timing:
    """latency : cycles from a read request to its first beat. write_latency : from the last beat to its response."""

    latency: int = 32
    write_latency: int = 8
    start: int = 3
    array_pipe: int = 12
    post_pipe: int = 16
    vector_pipe: int = 24


def passes(v):
    """Passes (weight tiles) of an ARRAY."""
    return v["n_cb"] * v["n_ky"] * v["n_kx"] * v["n_ob"]


def read_vectors(v):
    """Vectors that a LOAD or VECTOR reads from DRAM for operand A."""
    return v["n_blk"] * v["n_rows"] * v["n_cols"]


def padded_vectors(v):
    """The same with pads."""
    return v["n_blk"] * (v["pad_top"] + v["n_rows"] + v["pad_bottom"]) * (v["pad_left"] + v["n_cols"] + v["pad_right"])


def written_vectors(v):
    """Vectors that a POST or VECTOR writes."""
    return v["n_blk"] * v["out_rows"] * v["out_cols"]


def read_bytes(op, config):
    """Bytes that an operation reads from DRAM."""
    v, lanes = op.values, config.lanes
    if op.queue == "load":
        return read_vectors(v) * lanes
    if op.queue == "weight":
        return v["n_bytes"]
    if op.queue == "param":
        return v["n_beats"] * config.axi_bytes
    if op.queue == "post":
        return written_vectors(v) * lanes if v["residual"] else 0
    if op.queue == "vector":
        second = {isa.B_NONE: 0, isa.B_MAP: read_vectors(v), isa.B_BROADCAST: v["n_blk"]}[v["b_mode"]]
        return (read_vectors(v) + second) * lanes
    return 0


def write_bytes(op, config):
    """Bytes that an operation writes to DRAM."""
    if op.queue == "post":
        return written_vectors(op.values) * config.post_lanes
    return written_vectors(op.values) * config.lanes if op.queue == "vector" else 0


class EventModel:
    """Replays operations one by one; `ready` and `commit` must be called in an order in which dependences come first.

    free : queue to the cycle from which it takes its next operation. done : (counter, operation) to completion cycle.
    """

    def __init__(self, config, timing=Timing()):
        self.config, self.timing = config, timing
        self.free = dict.fromkeys(("load", "weight", "param", "array", "post", "vector"), 0)
        self.busy = dict.fromkeys(self.free, 0)
        self._done = {}
        self._streaming = []  # weights that the array has not used up: [cycle of the last beat, bytes left, start]
        self._fifo = config.weight_fifo * config.axi_bytes

    def ready(self, op):
        """Earliest start of an operation whose dependences are all committed."""
        at = self.free[op.queue]
        for counter, other in op.deps:
            at = max(at, self._done[counter, id(other)])
        if op.queue == "array":  # its weights come first in the program
            at = max(at, self._streaming[0][2])
        return at

    def commit(self, op, start):
        """Run an operation from cycle `start`; returns the cycle in which it is over."""
        occupied, counters = getattr(self, "_" + op.queue)(op, start)
        self.free[op.queue] = start + occupied
        self.busy[op.queue] += occupied
        end = start + occupied
        for counter, at in counters.items():
            self._done[counter, id(op)] = at
            end = max(end, at)
        return end

    def _beats(self, op):
        return -(-read_bytes(op, self.config) // self.config.axi_bytes)

    def _load(self, op, start):
        occupied = max(self._beats(op), padded_vectors(op.values)) + self.timing.start
        return occupied, {"load": start + occupied + self.timing.latency}

    def _param(self, op, start):
        occupied = op.values["n_beats"] + self.timing.latency + self.timing.start
        return occupied, {"param": start + occupied}

    def _weight(self, op, start):
        beats = self._beats(op)
        self._streaming.append([start + self.timing.latency + beats, op.values["n_bytes"], start])
        return beats, {}

    def _array(self, op, start):
        v, config = op.values, self.config
        n = passes(v)
        cycles = n * max(v["n_y"] * v["n_x"], config.rows)
        ends = start + cycles
        used = n * config.tile_bytes
        while used:
            stream = self._streaming[0]
            ends = max(ends, stream[0] - (stream[1] - used) // config.axi_bytes if used < stream[1] else stream[0])
            taken = min(used, stream[1])
            stream[1] -= taken
            used -= taken
            if not stream[1]:
                self._streaming.pop(0)
        occupied = ends - start + 2
        if not self._streaming:
            self.free["weight"] = max(self.free["weight"], ends - self._fifo // config.axi_bytes)
        return occupied, {"array": ends + config.rows + config.cols + self.timing.array_pipe}

    def _post(self, op, start):
        n = written_vectors(op.values)
        over = start + n + self.timing.start
        return n + self.timing.start, {
            "post": over + 2,
            "pstore": over + self.timing.post_pipe + self.timing.write_latency,
        }

    def _vector(self, op, start):
        v, config = op.values, self.config
        n = padded_vectors(v)
        if v["lrn"]:
            n = limits.lrn_cycles(config, v["n_blk"], v["n_rows"] * v["n_cols"])
        elif v["reduce"] != isa.REDUCE_NONE:
            n = limits.pool_cycles(n, written_vectors(v), v["kh"])
        occupied = max(n, self._beats(op)) + self.timing.vector_pipe
        return occupied, {"vstore": start + occupied + self.timing.latency + self.timing.write_latency}
