"""A static check of a program: its waits alone keep every hazard away, whatever the timing of
engines and memory.

What an instruction may rely on when it starts: its queue starts instructions in order, and counters
count in order. So each instruction knows lower bounds of all counters: its waits, what the
instruction before it in its queue knew, and what the instructions knew that it waits for. Every
read and every overwrite is then compared with these bounds, on shadows of DRAM, activation buffer,
accumulators and parameters that record who wrote and who read last.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.limits import DW_WORDS, padded_size
from hwcnn.tile_ops import COUNTS, array_passes

from .shadows import DramShadow, strided
from .weight_prefetch import PrefetchedWeights


class HazardError(Exception):
    """A program that could go wrong under some timing."""


def check(program: bytes, config: AccelConfig, dram_bytes: int) -> int:
    """Raise HazardError at the first hazard or possible deadlock in an encoded program. Returns the
    number of instructions.

    dram_bytes : size of memory; nothing may be written twice there, nor after it was read.
    """
    checker = Checker(config, dram_bytes)
    at = 0
    while True:
        instruction, waits, values, size = isa.decode(program, at)
        checker.step(instruction, waits, values)
        if instruction is isa.END:
            return checker.position
        at += size


class Checker:
    """The state of `check`: counters, knowledge, shadows."""

    def __init__(self, config: AccelConfig, dram_bytes: int):
        self.config, self.position = config, 0
        self.count: dict[str, int] = dict.fromkeys(isa.COUNTERS, 0)
        self._known: dict[str, np.ndarray] = {}  # queue: bounds of its last instruction
        # bounds at the start of the n-th counted
        self._knowledge: dict[str, list[np.ndarray]]
        self._knowledge = {c: [np.zeros(6, np.int64)] for c in isa.COUNTERS}
        self.dram = DramShadow(dram_bytes, config.post_lanes)
        self.loaded = np.zeros(config.act_vectors, np.int32)
        self.act_read = np.zeros(config.act_vectors, np.int32)
        self.summed, self.drained = [0, 0], [0, 0]
        slots = config.param_slots
        self.params = {
            0: np.zeros(slots, np.int32),
            1: np.zeros(slots, np.int32),
            2: np.zeros(1, np.int32),
            3: np.zeros(1, np.int32),
            4: np.zeros(DW_WORDS, np.int32),
        }
        self.param_users = {dest: np.zeros_like(shadow) for dest, shadow in self.params.items()}
        self._weights = PrefetchedWeights(config)
        self._step = {
            "load": self._load,
            "weight": self._weight,
            "param": self._param,
            "array": self._array,
            "post": self._post,
            "vector": self._vector,
        }

    def step(
        self, instruction: isa.Instruction, waits: Mapping[str, int], values: Mapping[str, int]
    ) -> None:
        """The next instruction of the program. Raises HazardError where it could go wrong."""
        name = instruction.name
        bounds = self._known.get(name, np.zeros(6, np.int64)).copy()
        for counter, n in waits.items():
            if n > self.count[counter]:
                self._fail(
                    name,
                    f"waits for {counter} = {n}, but only {self.count[counter]} come before it: it "
                    "may never start",
                )
            bounds = np.maximum(bounds, self._knowledge[counter][n])
            index = isa.COUNTERS.index(counter)
            bounds[index] = max(bounds[index], n)
        self._known[name] = bounds
        self.position += 1
        if instruction is isa.END:
            if any(self.count[c] > waits.get(c, 0) for c in isa.COUNTERS):
                self._fail(name, "does not wait for everything")
            return
        self._bounds: dict[str, int] = dict(zip(isa.COUNTERS, bounds.tolist(), strict=True))
        for counter in COUNTS[name]:
            self.count[counter] += 1
            self._knowledge[counter].append(bounds)
        self._step[name](values)

    def _fail(self, name: str, what: str) -> NoReturn:
        raise HazardError(f"instruction {self.position} ({name}): {what}")

    def _require(self, name: str, counter: str, n: int, what: str) -> None:
        """Fail unless the instruction knows when it starts that a counter has reached n."""
        if n > self._bounds[counter]:
            self._fail(name, f"{what}: needs {counter} >= {n}, knows {self._bounds[counter]}")

    def _dram(
        self, shadow: np.ndarray, addr: int, strides: Sequence[int], shape: Sequence[int], size: int
    ) -> np.ndarray:
        """A view of a shadow of DRAM: vectors of `size` bytes."""
        try:
            return self.dram.view(shadow, addr, strides, shape, size)
        except ValueError as e:
            raise HazardError(f"instruction {self.position}: {e}") from e

    def _read(
        self, name: str, addr: int, strides: Sequence[int], shape: Sequence[int], size: int
    ) -> None:
        """Read vectors of `size` bytes."""
        for counter, shadow in self.dram.written.items():
            last = int(self._dram(shadow, addr, strides, shape, size).max())
            self._require(name, counter, last, "reads memory before it is written")
        self._dram(self.dram.was_read, addr, strides, shape, size)[...] = True

    def _write(self, name: str, v: Mapping[str, int], counter: str, size: int) -> None:
        """Write a POST's or VECTOR's results, vectors of `size` bytes."""
        strides = v["out_blk_stride"], v["out_row_stride"], v["out_pix_stride"]
        region = v["out_addr"], strides, (v["n_blk"], v["out_rows"], v["out_cols"]), size
        if self._dram(self.dram.was_read, *region).any():
            self._fail(name, "writes memory that was read before")
        for shadow in self.dram.written.values():
            if self._dram(shadow, *region).any():
                self._fail(name, "writes memory twice")
        self._dram(self.dram.written[counter], *region)[...] = self.count[counter]

    def _operand(self, name: str, v: Mapping[str, int]) -> None:
        """Read a LOAD's or VECTOR's operand A."""
        lanes = self.config.lanes
        self._read(
            name,
            v["addr"],
            (v["blk_stride"], v["row_stride"], lanes),
            (v["n_blk"], v["n_rows"], v["n_cols"]),
            lanes,
        )

    def _load(self, v: Mapping[str, int]) -> None:
        self._operand("load", v)
        rows, columns = padded_size(v)
        span = slice(v["dest"], v["dest"] + v["n_blk"] * rows * columns)
        if span.stop > len(self.loaded):
            self._fail("load", "exceeds the activation buffer")
        self._require(
            "load",
            "array",
            int(self.act_read[span].max()),
            "overwrites the activation buffer while it is read",
        )
        self.loaded[span] = self.count["load"]
        self.act_read[span] = 0

    def _weight(self, v: Mapping[str, int]) -> None:
        self._weights.ask(v["n_bytes"])
        if not self._weights.fits():
            self._fail(
                "weight",
                f"{self._weights.blocked()} weight streams wait for space before the arrays that "
                "make it: dispatch may stop for ever",
            )

    def _param(self, v: Mapping[str, int]) -> None:
        shadow, users = self.params[v["dest"]], self.param_users[v["dest"]]
        slots = range(1)
        if v["dest"] < 2:
            size = (
                self.config.post_param_bytes if v["dest"] == 0 else self.config.vector_param_bytes
            )
            count, rest = divmod(v["n_beats"] * self.config.axi_bytes, size)
            if rest:
                self._fail("param", f"fills {count} slots and a part of one")
            slots = (v["index"] + np.arange(count)) % len(shadow)
        elif v["dest"] == isa.PARAM_DEPTHWISE:
            count = v["n_beats"] * self.config.axi_bytes // self.config.dw_word_bytes
            slots = (v["index"] + np.arange(count)) % len(shadow)
        counter = "vstore" if v["dest"] else "post"
        self._require(
            "param", counter, int(users[slots].max()), "overwrites parameters that are in use"
        )
        shadow[slots] = self.count["param"]

    def _uses(self, name: str, dest: int, slots: np.ndarray, counter: str) -> None:
        """Use parameters, which `counter` then guards."""
        self._require(
            name,
            "param",
            int(self.params[dest][slots].max()),
            "uses parameters before they are there",
        )
        if not self.params[dest][slots].all():
            self._fail(name, "uses parameters that were never loaded")
        self.param_users[dest][slots] = self.count[counter]

    def _array(self, v: Mapping[str, int]) -> None:
        config = self.config
        for offset in {0, v["upper"]}:
            loaded = self._taps(v, self.loaded, offset)
            if not loaded.all():
                self._fail("array", "reads vectors that were never loaded")
            self._require(
                "array",
                "load",
                int(loaded.max()),
                "reads the activation buffer before it is loaded",
            )
            self._taps(v, self.act_read, offset)[...] = self.count["array"]
        half, end = v["acc"] // config.acc_depth, v["acc"] + v["n_ob"] * v["n_y"] * v["n_x"] - 1
        if end // config.acc_depth != half:
            self._fail("array", "its sums do not lie in one half of the accumulators")
        self._require("array", "post", self.drained[half], "overwrites sums that are being drained")
        self.summed[half] = self.count["array"]
        used = array_passes(v) * config.tile_bytes
        if used > self._weights.total:
            self._fail("array", "its weights are not in the program before it")
        self._weights.use(used)

    def _taps(self, v: Mapping[str, int], shadow: np.ndarray, offset: int) -> np.ndarray:
        """A view of the vectors that an ARRAY reads at its addresses plus `offset`."""
        loops = ("cb", "ky", "kx", "ob", "y", "x")
        strides = [v[f"s_{loop}"] for loop in loops]
        shape = [v[f"n_{loop}"] if v[f"s_{loop}"] else 1 for loop in loops]
        try:
            return strided(shadow, v["base"] + offset, strides, shape)
        except ValueError:
            self._fail("array", "reads outside of the activation buffer")

    def _post(self, v: Mapping[str, int]) -> None:
        config = self.config
        half = v["acc"] // config.acc_depth
        self._require("post", "array", self.summed[half], "drains sums before they are complete")
        self.drained[half] = self.count["post"]
        self._uses("post", 0, (v["slot"] + np.arange(v["n_blk"])) % config.param_slots, "post")
        if v["residual"]:
            strides = v["out_blk_stride"], v["out_row_stride"], config.lanes
            self._read(
                "post",
                v["res_addr"],
                strides,
                (v["n_blk"], v["out_rows"], v["out_cols"]),
                config.post_lanes,
            )
        self._write("post", v, "pstore", config.post_lanes)

    def _vector(self, v: Mapping[str, int]) -> None:
        lanes = self.config.lanes
        self._operand("vector", v)
        if v["b_mode"] == isa.B_MAP:
            if any(v[f"pad_{side}"] for side in ("top", "bottom", "left", "right")):
                self._fail("vector", "has pads, and a map as operand B")
            self._read(
                "vector",
                v["b_addr"],
                (v["b_blk_stride"], v["row_stride"], lanes),
                (v["n_blk"], v["n_rows"], v["n_cols"]),
                lanes,
            )
        elif v["b_mode"] == isa.B_BROADCAST:
            self._read("vector", v["b_addr"], (v["b_blk_stride"],), (v["n_blk"],), lanes)
        if v["per_channel"]:
            self._uses(
                "vector", 1, (v["slot"] + np.arange(v["n_blk"])) % self.config.param_slots, "vstore"
            )
        if v["reduce"] == isa.REDUCE_DEPTHWISE:
            words = (v["dw_weights"] + np.arange(v["n_blk"] * v["dw_words"])) % DW_WORDS
            self._uses("vector", isa.PARAM_DEPTHWISE, words, "vstore")
        if v["lrn"]:
            self._uses("vector", 2, np.arange(1), "vstore")
        if v["lut"]:
            self._uses("vector", 3, np.arange(1), "vstore")
        self._write("vector", v, "vstore", lanes)
