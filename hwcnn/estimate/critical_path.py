"""A path of nextpnr's report in words: where it begins, what it goes through, where it ends."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from .netlist import Owners

#: The steps of a path in nextpnr's report: clock to output, logic, routing, set-up.
Path = list[dict[str, Any]]

#: What cells are called.
_WORDS = {
    "LUT4": "LUT",
    "PFUMX": "LUT",
    "L6MUX21": "LUT",
    "CCU2C": "adder",
    "MULT18X18D": "multiplier",
    "TRELLIS_DPR16X4": "LUT RAM",
}


def delay(path: Path) -> float:
    """Nanoseconds of a path."""
    return sum(step["delay"] for step in path)


def describe(path: Path, owners: Owners) -> Iterator[str]:
    """Lines: the beginning, the cells block by block, and the end. Carry chains are adders, their
    cells not counted.

    owners : see `netlist.owners`.
    """
    hops = [step for step in path if step["type"] == "routing"]
    yield (
        f"{delay(path):.1f} ns, of which {delay(hops):.1f} ns between cells: "
        f"from {_register(path[0]['from']['cell'], owners)}"
    )
    inner = [(step["to"]["cell"], step["delay"]) for step in hops[:-1]]
    for block, cells in groupby(inner, lambda item: _owner(item[0], owners)[1]):
        # A multiplexer of neighbouring LUTs, or the next cell of a carry chain, is reached without
        # delay.
        types = [_owner(cell, owners)[0] for cell, waited in cells if waited]
        kinds = Counter(_WORDS.get(kind, kind) for kind in types)
        words = " and ".join(_count(n, kind) for kind, n in kinds.items()) or "wires"
        yield f"through {words} of {block or 'no known block'}"
    yield f"to {_register(path[-1]['to']['cell'], owners)}"


def _count(n: int, kind: str) -> str:
    if n > 1:
        return f"{n} {kind}s"
    return f"{'an' if kind[0] in 'Aa' else 'a'} {kind}"


def _owner(cell: str, owners: Owners) -> tuple[str, str]:
    """(type, block) of a cell, by its name or, where nextpnr has split it, by that of the whole."""
    whole = re.sub(r"(\$CCU2_COMB\d|_COMB|_FF)$", "", cell)
    return owners.get(cell) or owners.get(whole) or ("cell", "")


def _register(cell: str, owners: Owners) -> str:
    """The end of a path in words: the signal that it is named after, its type and its block."""
    kind, block = _owner(cell, owners)
    signal = re.split(r"_(?:TRELLIS_FF|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D)_", cell)[0]
    return f"{signal} ({kind.removeprefix('TRELLIS_')}{f' of {block}' if block else ''})"
