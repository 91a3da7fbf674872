"""Which block of the accelerator each cell of a synthesised netlist belongs to."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

#: The top module.
TOP = "hwcnn"
#: Ports of a cell that are no data: a clock's or an enable's driver says nothing about its sinks.
_CONTROL = {"CLK", "C", "CE", "LSR", "R", "S"}


#: A cell of Yosys' ``write_json``: type, attributes, parameters, connections, port_directions.
Cell = dict[str, Any]
#: (type, block) by the cell's name. A block is a path such as core.post.writer, empty for what is
#: at the top.
Owners = dict[str, tuple[str, str]]


def owners(path: Path) -> Owners:
    """Which block each cell of a netlist belongs to. path : of Yosys' ``write_json``.

    Registers, carries and multipliers carry the path of what they were made of. A RAM has it in its
    name, and a register without one is the read register of a RAM: of the one that is found before
    it. A LUT belongs to what it feeds, and so does a shift register made of one.
    """
    cells = {
        name: cell
        for name, cell in json.loads(path.read_text())["modules"][TOP]["cells"].items()
        if not cell["type"].startswith("$")
    }
    known = {
        name: block for name, cell in cells.items() if (block := _labelled(name, cell)) is not None
    }
    drivers: dict[int, list[str]] = {}
    sinks: dict[int, list[str]] = {}
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            outward = cell["port_directions"].get(port) == "output"
            for bit in _nets(bits) if port not in _CONTROL or outward else ():
                (drivers if outward else sinks).setdefault(bit, []).append(name)
    fed_by = {
        name: _neighbours(cell, drivers, "input")
        for name, cell in cells.items()
        if name not in known
    }
    feeding = {
        name: _neighbours(cell, sinks, "output")
        for name, cell in cells.items()
        if name not in known
    }
    known |= {name: _nearest(name, fed_by, known) for name in fed_by if _is_register(cells[name])}
    _spread(known, feeding)
    _spread(known, fed_by)
    return {name: (cell["type"], known.get(name, "")) for name, cell in cells.items()}


def by_type(owned: Owners, group: Callable[[str], str]) -> dict[str, Counter[str]]:
    """Numbers of cells by group and type. group : of a block's path."""
    groups: dict[str, Counter[str]] = {}
    for kind, block in owned.values():
        groups.setdefault(group(block), Counter())[kind] += 1
    return groups


def _labelled(name: str, cell: Cell) -> str | None:
    """The block that a cell itself names."""
    label = cell["attributes"].get("src", "").split("|")[0]
    if label and ".v:" not in label:
        return label
    ram = re.fullmatch(r"(.*?)\.ram\..*mem[.\d]+", name)
    return ram[1] if ram else None


def _is_register(cell: Cell) -> bool:
    return "Q" in cell["connections"] and not cell["type"].startswith("SRL")


def _neighbours(cell: Cell, table: Mapping[int, list[str]], direction: str) -> list[str]:
    """The cells of the table that share a net with the cell's ports of a direction."""
    return [
        other
        for port, bits in cell["connections"].items()
        if port not in _CONTROL and cell["port_directions"].get(port) == direction
        for bit in _nets(bits)
        for other in table.get(bit, ())
    ]


def _nets(bits: Iterable[int | str]) -> list[int]:
    """Without the constants."""
    return [bit for bit in bits if isinstance(bit, int)]


def _nearest(name: str, near: Mapping[str, list[str]], known: Mapping[str, str]) -> str:
    """The block of the first cell with a known one, going from neighbour to neighbour."""
    seen, row = {name}, [name]
    while row:
        row = list(dict.fromkeys(n for cell in row for n in near.get(cell, ()) if n not in seen))
        if blocks := [known[n] for n in row if n in known]:
            return blocks[0]
        seen |= set(row)
    return ""


def _spread(known: dict[str, str], near: Mapping[str, list[str]]) -> None:
    """Give each cell the block that most of its neighbours have, the nearest first."""
    waiting = {name for name in near if name not in known}
    while waiting:
        found = {
            name: Counter(known[n] for n in near[name] if n in known).most_common(1)[0][0]
            for name in waiting
            if any(n in known for n in near[name])
        }
        if not found:
            return
        known |= found
        waiting -= found.keys()
