"""A register of its own for each ECP5 multiplier, in place of one that many wait for: the copy can
be where the multiplier is.
"""

from itertools import count

from .netlist_graph import (
    MULTIPLIER,
    REGISTER,
    Bit,
    Cell,
    Netlist,
    drivers,
    follows_register,
    loads,
    top,
)

#: Inputs of multipliers that a register may be for.
SHARED = 4


def copy_registers(design: Netlist) -> int:
    """Give each multiplier without input registers registers of its own in place of those that more
    than `SHARED` of their inputs wait for and that follow another register.

    Changes a netlist of Yosys' ``write_json`` in place; returns the number of flip-flops that are
    added.
    """
    module = top(design)
    cells, load, driver, names = module["cells"], loads(module), drivers(module), count()
    multipliers = {
        name: cell
        for name, cell in cells.items()
        if cell["type"] == MULTIPLIER and "REG_INPUTA_CLK" not in cell["parameters"]
    }
    new = count(
        1
        + max(
            bit
            for cell in cells.values()
            for bits in cell["connections"].values()
            for bit in bits
            if isinstance(bit, int)
        )
    )

    def shared(bit: Bit) -> Cell | None:
        """The flip-flop of a bit, if it is such a one."""
        name, waiting = driver.get(bit), sum(n in multipliers for n, _ in load[bit])
        return cells[name] if waiting > SHARED and follows_register(cells, driver, name) else None

    added = 0
    for name, cell in multipliers.items():
        copies = {}
        for port, (bit,) in cell["connections"].items():
            if port[0] in "AB" and bit not in copies and (register := shared(bit)):
                copies[bit] = next(new)
                cells[f"{name}_{REGISTER}_{next(names)}"] = register | {
                    "connections": register["connections"] | {"Q": [copies[bit]]}
                }
                added += 1
            if bit in copies:
                cell["connections"][port] = [copies[bit]]
    return added
