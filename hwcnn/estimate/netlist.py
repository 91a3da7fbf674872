"""Which block of the accelerator each cell of a synthesised netlist belongs to."""

import json
import re
from collections import Counter
from pathlib import Path

#: The top module.
TOP = "hwcnn"
#: Ports of a cell that are no data: a clock's or an enable's driver says nothing about its sinks.
_CONTROL = {"CLK", "C", "CE", "LSR", "R", "S"}


def owners(path):
    """``{cell: (type, block)}`` of a netlist in JSON; a block is a path such as core.post.writer,
    empty for what is at the top.

    Registers, carries and multipliers carry the path of what they were made of. A RAM has it in its
    name, and a register without one is the read register of a RAM: of the one that is found before
    it. A LUT belongs to what it feeds, and so does a shift register made of one.
    """
    cells = {
        name: cell
        for name, cell in json.loads(Path(path).read_text())["modules"][TOP]["cells"].items()
        if not cell["type"].startswith("$")
    }
    known = {
        name: block for name, cell in cells.items() if (block := _labelled(name, cell)) is not None
    }
    drivers, sinks = {}, {}
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


def by_type(owned, group):
    """``{group: {type: number}}`` of `owners`. group : a function of a block's path."""
    groups = {}
    for kind, block in owned.values():
        groups.setdefault(group(block), Counter())[kind] += 1
    return groups


def _labelled(name, cell):
    label = cell["attributes"].get("src", "").split("|")[0]
    if label and ".v:" not in label:
        return label
    ram = re.fullmatch(r"(.*?)\.ram\..*mem[.\d]+", name)
    return ram[1] if ram else None


def _is_register(cell):
    return "Q" in cell["connections"] and not cell["type"].startswith("SRL")


def _neighbours(cell, table, direction):
    """The cells of the table that share a net with the cell's ports of a direction."""
    return [
        other
        for port, bits in cell["connections"].items()
        if port not in _CONTROL and cell["port_directions"].get(port) == direction
        for bit in _nets(bits)
        for other in table.get(bit, ())
    ]


def _nets(bits):
    """Without the constants."""
    return [bit for bit in bits if isinstance(bit, int)]


def _nearest(name, near, known):
    """The block of the first cell with a known one, going from neighbour to neighbour."""
    seen, row = {name}, [name]
    while row:
        row = list(dict.fromkeys(n for cell in row for n in near.get(cell, ()) if n not in seen))
        if blocks := [known[n] for n in row if n in known]:
            return blocks[0]
        seen |= set(row)
    return ""


def _spread(known, near):
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
