"""The RAMs of an accelerator, found in its hierarchy without elaborating the PEs."""

from dataclasses import dataclass

from amaranth.hdl import Fragment, Instance
from amaranth.lib import wiring

from hwcnn.rtl.lib.ram import RAMS_ONLY


@dataclass(frozen=True, order=True)
class RamShape:
    """One `rtl.lib.ram.Ram`: bits of a word, words, and whether it asks for block RAM."""

    width: int
    depth: int
    block: bool


def rams(component: wiring.Component) -> list[tuple[str, RamShape]]:
    """(path in the hierarchy, shape) of every RAM in a component."""
    found, waiting = [], [("", Fragment.get(component, RAMS_ONLY))]
    while waiting:
        path, fragment = waiting.pop()
        if isinstance(fragment, Instance) and fragment.type == "hwcnn_ram":
            width, depth, block = (fragment.parameters[n] for n in ("WIDTH", "DEPTH", "BLOCK"))
            found.append((path, RamShape(width, depth, bool(block))))
        waiting += [(f"{path}.{name}".strip("."), sub) for sub, name, *_ in fragment.subfragments]
    return found
