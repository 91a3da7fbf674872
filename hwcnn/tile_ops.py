"""Tile operations: instructions before they are bytes, with the layer that each works for and what
it waits for.

The compiler makes, orders and encodes them; the cycle model replays them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, repeat

from . import isa

#: The queue of an instruction is its name; counters that its completion advances.
COUNTS: dict[str, tuple[str, ...]] = {
    "load": ("load",),
    "weight": (),
    "param": ("param",),
    "array": ("array",),
    "post": ("post", "pstore"),
    "vector": ("vstore",),
}


@dataclass(eq=False)
class TileOp:
    """One instruction and what it depends on, by identity rather than by number.

    instruction : row of the ISA table. layer : index of the layer that it works for. values : its
    fields by name; ``isa.encode`` checks them against the table.
    deps : (counter, op) pairs: this operation starts after that counter has counted `op`.
    stream : (layer, first block) of what keeps its order in the vector queue, which may interleave
    several; None in other queues, which keep their order.
    waits : counter to count, set by `number`.
    """

    instruction: isa.Instruction
    layer: int
    values: dict[str, int]
    deps: list[tuple[str, "TileOp"]] = field(default_factory=list, repr=False)
    stream: tuple[int, int] | None = None
    waits: dict[str, int] = field(default_factory=dict)

    @cached_property
    def queue(self) -> str:
        """The queue that takes it, one of ``COUNTS`` (or "end")."""
        return self.instruction.name

    def after(self, counter: str, op: "TileOp | None") -> None:
        """Depend on `op` (None: on nothing)."""
        if op is not None:
            self.deps.append((counter, op))

    def encode(self) -> bytes:
        """The instruction's bytes. Raises ValueError where a value does not fit its field."""
        return isa.encode(self.instruction, self.waits, **self.values)


@dataclass(frozen=True)
class Program:
    """ops : operations in order, END left out. layer_count : layers that their `layer` counts."""

    ops: Sequence[TileOp]
    layer_count: int


def number(ops: Iterable[TileOp]) -> dict[str, int]:
    """Set the waits of operations in program order from their dependences; returns what each
    counter reaches. Raises ValueError where an operation comes before one that it depends on.
    """
    counts: dict[str, int] = dict.fromkeys(isa.COUNTERS, 0)
    index: dict[tuple[str, int], int] = {}
    for op in ops:
        op.waits = {}
        for counter, other in op.deps:
            if (counter, id(other)) not in index:
                raise ValueError(f"{op.queue} depends on a {other.queue} that comes after it")
            op.waits[counter] = max(op.waits.get(counter, 0), index[counter, id(other)])
        for counter in COUNTS.get(op.queue, ()):
            counts[counter] += 1
            index[counter, id(op)] = counts[counter]
    return counts


def end(counts: Mapping[str, int]) -> TileOp:
    """The END operation of a program whose counters reach `counts` (of `number`)."""
    return TileOp(isa.END, 0, {}, waits={c: n for c, n in counts.items() if n})


def from_program(program: bytes, queues: Mapping[str, Sequence[Sequence[int]]]) -> list[TileOp]:
    """The operations of an encoded program in its order, END left out.

    queues : for each queue the [layer, count] runs of its instructions, in order. A wait for a
    count becomes a dependence on the operation that the counter counts with it. Raises ValueError
    where the program cannot be decoded or its waits are for what does not come before.
    """
    layers = {
        name: chain.from_iterable(repeat(layer, n) for layer, n in runs)
        for name, runs in queues.items()
    }
    counted: dict[str, list[TileOp]] = {counter: [] for counter in isa.COUNTERS}
    ops: list[TileOp] = []
    at = 0
    while True:
        instruction, waits, values, size = isa.decode(program, at)
        if instruction is isa.END:
            return ops
        try:
            deps = [(counter, counted[counter][n - 1]) for counter, n in waits.items()]
            op = TileOp(instruction, next(layers[instruction.name]), values, deps, waits=waits)
        except (IndexError, KeyError, StopIteration) as e:
            raise ValueError(
                f"instruction {len(ops)} ({instruction.name}): waits for what does not come before "
                "it, or belongs to no layer"
            ) from e
        for counter in COUNTS[op.queue]:
            counted[counter].append(op)
        ops.append(op)
        at += size


def array_passes(values: Mapping[str, int]) -> int:
    """Passes of an ARRAY, each of which uses one weight tile; values : its fields."""
    return values["n_cb"] * values["n_ky"] * values["n_kx"] * values["n_ob"]
