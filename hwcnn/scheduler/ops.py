"""Typed tile operations: what one instruction does, for which layer, and what it depends on."""

from dataclasses import dataclass, field

from hwcnn import isa

#: The queue of an instruction is its name; counters that its completion advances.
COUNTS = {
    "load": ("load",),
    "weight": (),
    "param": ("param",),
    "array": ("array",),
    "post": ("post", "pstore"),
    "vector": ("vstore",),
}


@dataclass(eq=False)
class TileOp:
    """One instruction before its waits are numbers.

    instruction : row of the ISA table. layer : index of the layer that it works for. values : its
    fields.
    deps : (counter, op) pairs: this operation starts after that counter has counted `op`.
    stream : operations of a stream keep their order; a queue may interleave streams (only the
    vector queue has several).
    waits : counter to count, set by `number`.
    """

    instruction: isa.Instruction
    layer: int
    values: dict
    deps: list = field(default_factory=list, repr=False)
    stream: object = None
    waits: dict = field(default_factory=dict)

    @property
    def queue(self):
        return self.instruction.name

    def after(self, counter, op):
        """Depend on `op` (None: on nothing)."""
        if op is not None:
            self.deps.append((counter, op))

    def encode(self):
        return isa.encode(self.instruction, self.waits, **self.values)


def number(ops):
    """Set the waits of operations in program order from their dependences. Raises ValueError if one
    comes too late.
    """
    counts = dict.fromkeys(isa.COUNTERS, 0)
    index = {}
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


def end(ops):
    """The END operation after these."""
    counts = dict.fromkeys(isa.COUNTERS, 0)
    for op in ops:
        for counter in COUNTS[op.queue]:
            counts[counter] += 1
    return TileOp(isa.END, 0, {}, waits={c: n for c, n in counts.items() if n})
