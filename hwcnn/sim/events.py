"""What the engines did when: the rows that the simulator records (tb/recorder.h), and what follows
from them.
"""

from dataclasses import dataclass

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
    """Rows of a run, with the cycle 0 of `origin`."""

    rows: np.ndarray
    origin: int = 0

    @classmethod
    def read(cls, path, skip=0):
        """The rows of a file, if it exists, from byte `skip` on; a row that is still being written
        is left out.
        """
        if not path.exists():
            return cls(np.empty(0, ROW))
        with open(path, "rb") as file:
            file.seek(skip)
            data = file.read()
        return cls(np.frombuffer(data[: len(data) // ROW.itemsize * ROW.itemsize], ROW))

    def between(self, first, last):
        """The part from cycle `first`, which becomes cycle 0, to `last`."""
        return EventLog(
            self.rows[(self.rows["cycle"] >= first) & (self.rows["cycle"] <= last)], first
        )

    @property
    def hung(self):
        return bool(len(self.rows) and self.rows["events"][-1] & HANG)

    def _cycles(self, bit):
        hit = self.rows["events"] >> bit & 1 == 1
        return self.rows["cycle"][hit].astype(np.int64) - self.origin

    def starts(self, engine):
        """Cycles at which the engine's instructions started, in order."""
        return self._cycles(len(DONE) + START.index(engine))

    def done(self, counter):
        """Cycles at which the completion counter counted, in order."""
        return self._cycles(DONE.index(counter))

    def at(self, cycles, column, level=None):
        """Counts of a column (a level, or "read_beats", "write_beats") up to each of the given
        cycles of rows.
        """
        values = (
            self.rows["level"][:, LEVELS.index(level)] if column == "level" else self.rows[column]
        )
        index = (
            np.searchsorted(self.rows["cycle"].astype(np.int64) - self.origin, cycles, side="right")
            - 1
        )
        return values.astype(np.int64)[index]

    def progress(self):
        """(POST and VECTOR instructions completed, cycle of the last row)."""
        done = len(self.done("pstore")) + len(self.done("vstore"))
        return done, int(self.rows["cycle"][-1]) if len(self.rows) else 0

    def describe_waits(self, program):
        """A line an engine: how far it is in the program (uint8 array), and for what its next
        instruction waits.
        """
        counts = {counter: len(self.done(counter)) for counter in isa.COUNTERS}
        seen = dict.fromkeys(START, 0)
        blocked, at = {}, 0
        while at < len(program):
            try:
                instruction, waits, _, size = isa.decode(program, at)
            except ValueError:
                break  # no instruction: what the accelerator stopped at
            at += size
            if instruction.name not in seen:
                break
            if seen[instruction.name] == len(self.starts(instruction.name)):
                blocked.setdefault(instruction.name, waits)
            seen[instruction.name] += 1
        lines = []
        for engine in START:
            text = f"  {engine}: {len(self.starts(engine))} of {seen[engine]} started"
            if engine in ENDS:
                text += f", {counts[ENDS[engine]]} completed"
            missing = [
                f"{c} >= {n} (is {counts[c]})"
                for c, n in blocked.get(engine, {}).items()
                if counts[c] < n
            ]
            lines.append(text + (f"; the next waits for {', '.join(missing)}" if missing else ""))
        return "\n".join(lines)
