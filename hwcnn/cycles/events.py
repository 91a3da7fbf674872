"""The event model: when each operation starts and ends, from simple rules for each engine.

A queue takes its operations in order; one starts when the queue is free and its waits hold. The
scheduler orders programs by it, and the cycle model is the same replay.
"""

import itertools
from dataclasses import dataclass

from hwcnn import isa, limits
from hwcnn.limits import MAX_BURST
from hwcnn.tile_ops import array_passes

from .bus import Bus
from .readers import TURN, Operand, Tile, WeightStream

#: Cycles from a counter's reaching what an instruction waits for to the instruction's start.
START = {"load": 2, "weight": 0, "param": 2, "array": 2, "post": 4, "vector": 4}
#: Cycles that a read takes in the accelerator, on top of the memory's latency: to the activation
#: buffer, to a parameter RAM, to the array. Here and below, half of the 2 cycles that a change of
#: turns takes is counted in.
LOAD_PATH, PARAM_PATH, WEIGHT_PATH = 14, 11, 10
#: Cycles from the start of a POST to the end of its reads, and to the request of its last burst,
#: besides those of its vectors; and those of a read to the use of its residual, on top of the
#: memory's latency.
POST_READ, POST_PATH, RESIDUAL_READ = -1, 19, 4
#: Vectors with a second stage that the post engine takes before they pass a second time.
POST_SECOND = 9
#: Cycles from the start of a VECTOR to the request of its last burst, besides those of its vectors;
#: those between two VECTORs; and those of a read to the use of an operand, on top of the memory's
#: latency.
VECTOR_PATH, VECTOR_GAP, VECTOR_READ = 26, 2, 6
#: Cycles between two VECTORs with a window, besides `VECTOR_GAP`.
WINDOW_GAP = 5
#: Bursts of weights that are requested and wait for their turn.
REQUESTS = 1
#: Cycles in which a reader requests a burst.
REQUEST_CYCLES = 2
#: Vectors that wait between an engine and the bus.
WRITE_BUFFER = 64


def array_path(config):
    """Cycles from the start of an ARRAY to the end of its sums' way into the accumulators, besides
    those of its pixels.
    """
    return config.rows + config.cols // 4 + 5


@dataclass(frozen=True)
class Timing:
    """Of the memory: cycles from a read request to its first beat, and from a burst's last beat to
    its response.
    """

    latency: int = limits.READ_LATENCY
    write_latency: int = limits.WRITE_LATENCY


def read_vectors(v):
    """Vectors that a LOAD or VECTOR reads from DRAM for operand A."""
    return v["n_blk"] * v["n_rows"] * v["n_cols"]


def padded_vectors(v):
    """The same with pads."""
    return (
        v["n_blk"]
        * (v["pad_top"] + v["n_rows"] + v["pad_bottom"])
        * (v["pad_left"] + v["n_cols"] + v["pad_right"])
    )


def written_vectors(v):
    """Vectors that a POST or VECTOR writes."""
    return v["n_blk"] * v["out_rows"] * v["out_cols"]


def last_burst(v, vector_bytes, axi_bytes):
    """Beats of the last burst of a POST's or VECTOR's writes: bursts are cut at multiples of
    `MAX_BURST` beats.
    """
    rows, cols, pixel = v["out_rows"], v["out_cols"], v["out_pix_stride"]
    # of the last row
    begin = (
        v["out_addr"] + (v["n_blk"] - 1) * v["out_blk_stride"] + (rows - 1) * v["out_row_stride"]
    )
    end = begin + (cols - 1) * pixel  # the last vector
    if pixel > max(vector_bytes, axi_bytes):
        begin = end
    elif v["out_row_stride"] == cols * pixel:
        begin -= (rows - 1) * v["out_row_stride"]
    beat = (end + vector_bytes - 1) // axi_bytes
    return min(beat % MAX_BURST, beat - begin // axi_bytes) + 1


def operand_bytes(op, config):
    """Bytes of each operand that an operation reads from DRAM, through a reader of its own."""
    v, lanes = op.values, config.lanes
    if op.queue == "load":
        return [read_vectors(v) * lanes]
    if op.queue == "weight":
        return [v["n_bytes"]]
    if op.queue == "param":
        return [v["n_beats"] * config.axi_bytes]
    if op.queue == "post" and v["residual"]:
        return [written_vectors(v) * lanes]
    if op.queue == "vector":
        second = {isa.B_NONE: 0, isa.B_MAP: read_vectors(v), isa.B_BROADCAST: v["n_blk"]}[
            v["b_mode"]
        ]
        return [vectors * lanes for vectors in (read_vectors(v), second) if vectors]
    return []


def read_bytes(op, config):
    """Bytes that an operation reads from DRAM."""
    return sum(operand_bytes(op, config))


def write_bytes(op, config):
    """Bytes that an operation writes to DRAM."""
    if op.queue == "post":
        return written_vectors(op.values) * config.post_lanes
    return written_vectors(op.values) * config.lanes if op.queue == "vector" else 0


class EventModel:
    """Replays operations one by one; `ready`, `begin` and `commit` must be called in an order in
    which dependences come first.

    An operation begins when it has been handed to its engine. Where it has operands in DRAM, they
    are read from then on as far as their FIFOs have room, though the engine may be at work on the
    operation before; it starts when that one is over.

    free : queue to the cycle from which its engine works on its next operation, where that is
    known. busy : cycles at work.
    started, over : (operation, cycle) in the order in which that became known; whoever reads these
    lists empties them.
    """

    def __init__(self, config, timing=Timing()):
        self.config, self.timing = config, timing
        self.free: dict[str, int] = dict.fromkeys(
            ("load", "weight", "param", "array", "post", "vector"), 0
        )
        self.busy: dict[str, int] = dict.fromkeys(self.free, 0)
        self.reads, self.writes = Bus(), Bus()
        self.weights = WeightStream(config.weight_fifo, self.reads, timing.latency + WEIGHT_PATH)
        self.started, self.over = [], []
        # queue: the cycle from which its readers take the next operation's operands
        self._idle = dict.fromkeys(self.free, 0)
        # queue: the Tile that is being read, and the next one
        self._tiles = {"load": [], "param": [], "vector": [], "post": []}
        self._streaming = None  # (ARRAY, its start) that weights are on their way to
        self._done = {}

    def ready(self, op):
        """The cycle from which an operation can begin; None where something that it waits for is
        not over.
        """
        tiles = self._tiles.get(op.queue)
        if tiles:
            if op.queue in ("load", "param") or len(tiles) > 1 or not self._has_tile(op):
                return None
            at = tiles[0].start
        else:
            at = self._idle[op.queue] if self._has_tile(op) else self.free[op.queue]
        if op.queue == "array" and (
            self._streaming or self.weights.pending < self.weights.used + self._weight_beats(op)
        ):
            return None
        if op.queue == "weight":
            # The engine takes an instruction when the last burst of the one before is on its way to
            # the bus.
            if self.weights.asked + REQUESTS * MAX_BURST < self.weights.pending:
                return None
            at = max(at, self.weights.over)
        for counter, other in op.deps:
            done = self._done.get((counter, id(other)))
            if done is None:
                return None
            at = max(at, done + START[op.queue])
        return at

    def begin(self, op, at):
        """Begin an operation. One that reads a tile or uses weights goes on by `read`; all others
        are over at once.
        """
        if self._has_tile(op):
            self._begin_tile(op, at)
            return
        start = max(at, self.free[op.queue])
        self.started.append((op, start))
        if op.queue == "array":
            self.weights.begin(start, self._weight_beats(op), self._array_cycles(op.values))
            self._streaming = op, start
            self._finish_array()
        else:
            self._end(op, start)

    def _begin_tile(self, op, at):
        sizes, fifo = (
            [self._beats(n) for n in operand_bytes(op, self.config)],
            self.config.read_fifo,
        )
        tile, tiles = (
            Tile(op, at, [self._operand(op, at, beats) for beats in sizes], sizes),
            self._tiles[op.queue],
        )
        tiles.append(tile)
        if len(tiles) == 1:
            self._start_tile(tile)
        else:
            for operand, before in itertools.zip_longest(
                tile.operands, tiles[0].sizes[: len(sizes)], fillvalue=0
            ):
                operand.room = fifo - before

    def _start_tile(self, tile):
        tile.start = max(tile.at, self.free[tile.op.queue])
        self.started.append((tile.op, tile.start))
        for operand in tile.operands:
            operand.begin(
                max(tile.at, self._idle[tile.op.queue]), tile.start, self.config.read_fifo
            )

    def commit(self, op, at):
        """Run an operation that begins in cycle `at` to its end; returns the cycle in which it
        started.
        """
        self.weights.prefetch(at)
        self.begin(op, at)
        while tiles := self._tiles.get(op.queue):
            self._go_on(tiles[0])
        while self.weights.next is not None:
            self._stream()
        ((_, start),) = self.started
        self.started, self.over = [], []
        return start

    @property
    def next_read(self):
        """The cycle from which the next beats of a tile or of weights can be read; None if there
        are none.
        """
        tile, weights = self._next_tile(), self.weights.next
        if tile is None or weights is None:
            return weights if tile is None else tile.next
        return min(tile.next, weights)

    def read(self):
        """Read the next beats."""
        if self.weights.next == self.next_read:
            self._stream()
        else:
            self._go_on(self._next_tile())

    def _next_tile(self):
        return min(
            (t for tiles in self._tiles.values() for t in tiles if t.next is not None),
            key=lambda t: t.next,
            default=None,
        )

    def prefetch(self, end):
        """Read weights in the idle cycles of the bus up to cycle `end`; returns: any were read."""
        found = self.weights.prefetch(end)
        if found:
            self._finish_array()
        return found

    def _stream(self):
        self.weights.read()
        self._finish_array()

    def _finish_array(self):
        """Finish the ARRAY, if its weights are complete."""
        if self._streaming and self.weights.complete:
            (op, start), self._streaming = self._streaming, None
            self._end(op, start)

    def _go_on(self, tile):
        operand = min((o for o in tile.operands if o.open), key=lambda o: o.at)
        operand.go_on(self.reads, self.config.read_fifo)
        tiles = self._tiles[tile.op.queue]
        while tiles and tiles[0].complete:
            tile = tiles.pop(0)
            self._end(tile.op, tile.start, tile)
            if tile.op.queue in ("post", "vector"):
                self._idle[tile.op.queue] = tile.read
            if tiles:
                self._start_tile(tiles[0])

    def _end(self, op, start, tile=None):
        """Finish an operation. tile : of one that reads operands, all of it read."""
        occupied, counters = getattr(self, "_" + op.queue)(op, start, tile)
        self.free[op.queue] = self._idle[op.queue] = start + occupied
        self.busy[op.queue] += occupied
        for counter, at in counters.items():
            self._done[counter, id(op)] = at
        self.over.append((op, max(start + occupied, *counters.values(), 0)))

    def fetch(self, op, cycle):
        """An operation's words are read from DRAM."""
        self.reads.take(cycle, self._beats(op.instruction.words * isa.WORD_BYTES))

    def _beats(self, n_bytes):
        return -(-n_bytes // self.config.axi_bytes)

    def _weight_beats(self, op):
        """Beats of an ARRAY's weights."""
        return array_passes(op.values) * self.config.tile_bytes // self.config.axi_bytes

    def _has_tile(self, op):
        """An operation reads operands that come as it is at work."""
        return op.queue in ("load", "param", "vector") or (
            op.queue == "post" and op.values["residual"]
        )

    def _operand(self, op, at, beats):
        return Operand(
            at, beats, self._turn(op), self._rate(op), self._engine_cycles(op, beats) / beats
        )

    def _turn(self, op):
        """Beats of some bursts of a tile."""
        return max(1, round(TURN * self._burst(op)))

    def _burst(self, op):
        """Beats of a burst, on average: bursts are cut at the ends of rows and at multiples of
        `MAX_BURST` beats.
        """
        if op.queue == "param":
            return MAX_BURST
        row = self._beats(
            op.values["out_cols" if op.queue == "post" else "n_cols"] * self.config.lanes
        )
        return row / (1 + (row - 1) / MAX_BURST)

    def _rate(self, op):
        """Cycles a beat, at least, of a reader that requests bursts, or waits for memory with all
        its FIFO has room for.
        """
        return max(
            1,
            REQUEST_CYCLES / self._burst(op),
            (self.timing.latency + LOAD_PATH) / (self.config.read_fifo - MAX_BURST),
        )

    def _engine_cycles(self, op, beats):
        """Cycles in which the engine uses an operand of so many beats, were all operands there."""
        if op.queue == "vector":
            return self._vector_cycles(op.values, written_vectors(op.values))
        return self._post_cycles(op.values) if op.queue == "post" else beats

    def _write(self, op, start, cycles):
        """(Cycles until an operation's results are in the writer, cycle in which they are on the
        bus), if they come evenly in `cycles` from `start`.
        """
        vectors = written_vectors(op.values)
        beats = vectors * self._beats(write_bytes(op, self.config) // vectors)
        over = self.writes.take(start, beats, cycles)
        return max(cycles, over - start - WRITE_BUFFER * cycles // vectors), over

    def _stored(self, op, cycles):
        """Cycles from an operation's last result, of those that come in so many cycles, to the last
        burst's acknowledgement.

        A burst goes when it is complete and the one before is over."""
        lanes = self.config.post_lanes if op.queue == "post" else self.config.lanes
        beats, last = (
            self._beats(write_bytes(op, self.config)),
            last_burst(op.values, lanes, self.config.axi_bytes),
        )
        before = max(0, min(MAX_BURST, beats - last) - last * cycles // beats)
        return before + last + self.timing.write_latency

    def _used(self, start, cycles, tile, path):
        """When an engine has used all of a tile, in so many cycles from `start` on, were all
        operands there.
        """
        path += self.timing.latency
        return max(max(start, tile.first + path) + cycles, tile.read + path)

    def _load(self, op, start, tile):
        occupied = max(tile.read - start, padded_vectors(op.values)) + 1
        return occupied, {"load": start + occupied + self.timing.latency + LOAD_PATH - 1}

    def _param(self, op, start, tile):
        over = tile.read + self.timing.latency + PARAM_PATH
        return over - start, {"param": over}

    def _weight(self, op, start, _):
        self.weights.ask(start, self._beats(op.values["n_bytes"]))
        return 1, {}

    def _array(self, op, start, _):
        ends = self.weights.end(self._beats(self.config.tile_bytes))
        return ends - start, {"array": ends + array_path(self.config)}

    def _array_cycles(self, v):
        return array_passes(v) * max(v["n_y"] * v["n_x"], self.config.rows)

    def _post(self, op, start, tile):
        cycles = self._post_cycles(op.values)
        if tile:
            cycles = self._used(start, cycles, tile, RESIDUAL_READ) - start
        occupied, over = self._write(op, start, cycles)
        stored = (
            over
            + POST_PATH
            + self._stored(op, cycles)
            + (POST_SECOND if op.values["stage2"] else 0)
        )
        return occupied, {"post": start + occupied + POST_READ, "pstore": stored}

    def _post_cycles(self, v):
        """Cycles of a POST's vectors, were its residual there."""
        n = written_vectors(v)
        if not v["stage2"]:
            return n
        groups, rest = divmod(n, POST_SECOND)
        return 2 * POST_SECOND * groups + (POST_SECOND + rest if rest else 0)

    def _vector(self, op, start, tile):
        v = op.values
        cycles = (
            self._used(start, self._vector_cycles(v, written_vectors(v)), tile, VECTOR_READ) - start
        )
        taken, over = self._write(op, start, cycles)
        parameters = (
            2 + self.config.vector_param_bytes // self.config.axi_bytes if v["per_channel"] else 0
        )
        stored = over + VECTOR_PATH + self._stored(op, cycles)
        return taken + VECTOR_GAP + parameters, {"vstore": stored}

    def _vector_cycles(self, v, written):
        """Cycles of a VECTOR's vectors, were all operands there."""
        vectors = padded_vectors(v)
        if v["lrn"]:
            return limits.lrn_cycles(self.config, v["n_blk"], v["n_rows"] * v["n_cols"])
        results = written * limits.result_cycles(self.config)
        if v["reduce"] == isa.REDUCE_NONE:
            return max(vectors, results)
        # The last row's results come after it, or the first rows before the first results.
        columns, cycles = (
            v["pad_left"] + v["n_cols"] + v["pad_right"],
            limits.pool_cycles(self.config, vectors, written, v["kh"]),
        )
        if cycles > vectors:
            return cycles + (v["kh"] - 1) * columns + WINDOW_GAP
        return (
            cycles
            + max(0, limits.pool_cycles(self.config, 0, v["out_cols"], v["kh"]) - columns)
            + WINDOW_GAP
        )
