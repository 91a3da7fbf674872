"""When engines end operations, from when they start and when their operands come."""

from collections.abc import Mapping
from dataclasses import dataclass

from hwcnn import isa, limits
from hwcnn.config import AccelConfig
from hwcnn.limits import MAX_BURST
from hwcnn.tile_ops import TileOp

from .bus import Bus
from .engine_cycles import POST_SECOND, array_path, post_cycles, vector_cycles
from .operands import LOAD_PATH, OperandReads
from .traffic import beats, last_burst, padded_vectors, write_bytes, written_vectors

#: Cycles that a read takes in the accelerator to a parameter RAM, on top of the memory's latency.
PARAM_PATH = 11
#: Cycles from the start of a POST to the end of its reads, and to the request of its last burst,
#: besides those of its vectors; and those of a read to the use of its residual, on top of the
#: memory's latency.
POST_READ, POST_PATH, RESIDUAL_READ = -1, 19, 4
#: Cycles from the start of a VECTOR to the request of its last burst, besides those of its vectors;
#: those between two VECTORs; and those of a read to the use of an operand, on top of the memory's
#: latency.
VECTOR_PATH, VECTOR_GAP, VECTOR_READ = 26, 2, 6
#: Cycles between two depthwise VECTORs, besides those between any two.
DEPTHWISE_GAP = -4
#: Vectors that wait between an engine and the bus.
WRITE_BUFFER = 64


@dataclass(frozen=True)
class Timing:
    """Of the memory: cycles from a read request to its first beat, and from a burst's last beat to
    its response.
    """

    latency: int = limits.READ_LATENCY
    write_latency: int = limits.WRITE_LATENCY


#: Memory of the usual latency.
USUAL = Timing()


@dataclass(frozen=True)
class End:
    """How an operation ends. occupied : cycles from its start until its engine is free. counters :
    the cycle in which each counter counts it.
    """

    occupied: int
    counters: Mapping[str, int]


class Engines:
    """The engines that read operands or write results. writes : the bus that they write to."""

    def __init__(self, config: AccelConfig, timing: Timing, writes: Bus):
        self.config, self.timing, self.writes = config, timing, writes

    def load(self, op: TileOp, start: int, reads: OperandReads) -> End:
        """A LOAD, all of whose operand has been read."""
        occupied = max(reads.over - start, padded_vectors(op.values)) + 1
        return End(occupied, {"load": start + occupied + self.timing.latency + LOAD_PATH - 1})

    def param(self, start: int, reads: OperandReads) -> End:
        """A PARAM, all of which has been read."""
        over = reads.over + self.timing.latency + PARAM_PATH
        return End(over - start, {"param": over})

    def array(self, start: int, weights_used: int) -> End:
        """An ARRAY that has used all its weights in cycle `weights_used`."""
        return End(weights_used - start, {"array": weights_used + array_path(self.config)})

    def post(self, op: TileOp, start: int, reads: OperandReads | None) -> End:
        """A POST, whose residual has been read if it has one."""
        cycles = post_cycles(op.values)
        if reads is not None:
            cycles = self._used(start, cycles, reads, RESIDUAL_READ) - start
        occupied, over = self._write(op, start, cycles)
        stored = over + POST_PATH + self._stored(op, cycles)
        if op.values["stage2"]:
            stored += POST_SECOND
        return End(occupied, {"post": start + occupied + POST_READ, "pstore": stored})

    def vector(self, op: TileOp, start: int, reads: OperandReads) -> End:
        """A VECTOR, all of whose operands have been read."""
        cycles = vector_cycles(op.values, self.config)
        used = self._used(start, cycles, reads, VECTOR_READ)
        if op.values["reduce"] == isa.REDUCE_DEPTHWISE:
            rows = op.values["n_blk"] * op.values["out_rows"]
            filled = reads.filled + self.timing.latency + VECTOR_READ
            used = max(used, filled + limits.depthwise_rows(op.values, rows)) + DEPTHWISE_GAP
        cycles = used - start
        occupied, over = self._write(op, start, cycles)
        if op.values["per_channel"]:
            occupied += 2 + self.config.vector_param_bytes // self.config.axi_bytes
        stored = over + VECTOR_PATH + self._stored(op, cycles)
        return End(occupied + VECTOR_GAP, {"vstore": stored})

    def _used(self, start: int, cycles: int, reads: OperandReads, path: int) -> int:
        """When an engine has used all operands, in so many cycles from `start` on, were all of them
        there.
        """
        path += self.timing.latency
        return max(max(start, reads.last_first + path) + cycles, reads.over + path)

    def _write(self, op: TileOp, start: int, cycles: int) -> tuple[int, int]:
        """(Cycles until an operation's results are in the writer, cycle in which they are on the
        bus), if they come evenly in `cycles` from `start`.
        """
        vectors = written_vectors(op.values)
        per_vector = beats(write_bytes(op, self.config) // vectors, self.config)
        over = self.writes.take(start, vectors * per_vector, cycles)
        return max(cycles, over - start - WRITE_BUFFER * cycles // vectors), over

    def _stored(self, op: TileOp, cycles: int) -> int:
        """Cycles from an operation's last result, of those that come in so many cycles, to the last
        burst's acknowledgement.

        A burst goes when it is complete and the one before is over.
        """
        lanes = self.config.post_lanes if op.queue == "post" else self.config.lanes
        written = beats(write_bytes(op, self.config), self.config)
        last = last_burst(op.values, lanes, self.config.axi_bytes)
        before = max(0, min(MAX_BURST, written - last) - last * cycles // written)
        return before + last + self.timing.write_latency
