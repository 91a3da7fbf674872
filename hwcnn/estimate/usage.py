"""Numbers of a device's kinds of blocks: what a design takes, or a device holds."""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Resources:
    """Lookup tables, flip-flops, multiplier blocks and block RAMs. Halves of block RAMs count as
    halves.
    """

    luts: float = 0
    ffs: float = 0
    dsps: float = 0
    brams: float = 0

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(*(self.of(kind) + other.of(kind) for kind in KINDS))

    def __mul__(self, factor: float) -> "Resources":
        return Resources(*(factor * self.of(kind) for kind in KINDS))

    def of(self, kind: str) -> float:
        """The number of one of `KINDS`."""
        return getattr(self, kind)

    def to_dict(self) -> dict[str, float]:
        """By kind, for JSON."""
        return asdict(self)


KINDS = tuple(f.name for f in fields(Resources))


@dataclass(frozen=True)
class InLuts:
    """What is made of LUTs for a device that has too few blocks of its own for it.

    multipliers : how many of the smallest. rams : those that ask for block RAM and have so many
    words at most, where Yosys finds LUTs cheaper.
    """

    multipliers: int = 0
    rams: int = 0


NOTHING_IN_LUTS = InLuts()
