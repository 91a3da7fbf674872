"""What the engines did when: the rows that the simulator records (sources/recorder.h),
and what follows from them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcnn import isa

#: The top's `events` port, from bit 0: completions, starts, levels.
DONE = ("load", "array", "post", "pstore", "vstore", "param")
START = ("load", "weight", "param", "array", "post", "vector")
LEVELS = (
    "array_busy",
    "stall_weights",
    "stall_activations",
    "stall_accumulators",
    "stall_program",
    "stall_store",
    "vector_busy",
)
HANG, BROKEN = 1 << 30, 1 << 31

ROW = np.dtype(
    [
        ("cycle", "<u8"),
        ("events", "<u4"),
        ("level", "<u4", len(LEVELS)),
        ("read_beats", "<u4"),
        ("write_beats", "<u4"),
    ]
)

#: Completion counter that ends an instruction of each engine. WEIGHT has none: its data has been
#: used when an ARRAY completes.
ENDS = {"load": "load", "array": "array", "post": "pstore", "vector": "vstore", "param": "param"}


@dataclass(frozen=True)
class EventLog:
    """Rows of a run, in cycles from `origin`: one for each cycle in which an instruction started or
    completed.

    rows : `ROW` [rows].
    """

    rows: np.ndarray
    origin: int = 0

    @classmethod
    def read(cls, path: Path, skip: int = 0) -> "EventLog":
        """The rows of a file, if it exists, from byte `skip` on; a row that is still being written
        is left out.
        """
        if not path.exists():
            return cls(np.empty(0, ROW))
        with open(path, "rb") as file:
            file.seek(skip)
            data = file.read()
        return cls(np.frombuffer(data[: len(data) // ROW.itemsize * ROW.itemsize], ROW))

    def between(self, first: int, last: int) -> "EventLog":
        """The rows from cycle `first`, which becomes cycle 0, to `last`."""
        cycles = self.rows["cycle"]
        return EventLog(self.rows[(cycles >= first) & (cycles <= last)], first)

    @property
    def hung(self) -> bool:
        """Whether the simulator ended the run since nothing moved."""
        return bool(len(self.rows) and self.rows["events"][-1] & HANG)

    def _cycles(self, bit: int) -> np.ndarray:
        hit = self.rows["events"] >> bit & 1 == 1
        return self.rows["cycle"][hit].astype(np.int64) - self.origin

    def starts(self, engine: str) -> np.ndarray:
        """Cycles at which the engine's instructions started, in order: int64."""
        return self._cycles(len(DONE) + START.index(engine))

    def done(self, counter: str) -> np.ndarray:
        """Cycles at which the completion counter counted, in order: int64."""
        return self._cycles(DONE.index(counter))

    def level_at(self, cycles: np.ndarray, level: str) -> np.ndarray:
        """Cycles in which a level was high up to each of the given ones, which have rows: int64."""
        own = self.rows["cycle"].astype(np.int64) - self.origin
        index = np.searchsorted(own, cycles, side="right") - 1
        return self.rows["level"][:, LEVELS.index(level)].astype(np.int64)[index]

    def progress(self) -> tuple[int, int]:
        """(POST and VECTOR instructions completed, cycle of the last row)."""
        done = len(self.done("pstore")) + len(self.done("vstore"))
        return done, int(self.rows["cycle"][-1]) if len(self.rows) else 0

    def describe_waits(self, program: np.ndarray) -> str:
        """A line an engine: how far it is in the program (uint8), and for what its next instruction
        waits.
        """
        counts = {counter: len(self.done(counter)) for counter in isa.COUNTERS}
        started = {engine: len(self.starts(engine)) for engine in START}
        asked, blocked = _instructions_and_waits(program.tobytes(), started)
        lines = []
        for engine in START:
            text = f"  {engine}: {started[engine]} of {asked[engine]} started"
            if engine in ENDS:
                text += f", {counts[ENDS[engine]]} completed"
            missing = [
                f"{c} >= {n} (is {counts[c]})"
                for c, n in blocked.get(engine, {}).items()
                if counts[c] < n
            ]
            lines.append(text + (f"; the next waits for {', '.join(missing)}" if missing else ""))
        return "\n".join(lines)


def _instructions_and_waits(
    program: bytes, started: dict[str, int]
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """By engine: its instructions in the program, and the waits of the first not yet started."""
    asked: dict[str, int] = dict.fromkeys(START, 0)
    blocked: dict[str, dict[str, int]] = {}
    at = 0
    while at < len(program):
        try:
            instruction, waits, _, size = isa.decode(program, at)
        except ValueError:
            break  # no instruction: what the accelerator stopped at
        engine = instruction.name
        if engine not in asked:
            break
        if asked[engine] == started[engine]:
            blocked[engine] = waits
        asked[engine] += 1
        at += size
    return asked, blocked
