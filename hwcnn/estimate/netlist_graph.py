"""A synthesised netlist for ECP5 as a graph: what drives each bit, what it goes to, and what a
flip-flop is controlled by.
"""

from collections import defaultdict
from typing import Any, NamedTuple

from .netlist import TOP, Cell

#: A netlist of Yosys' ``write_json``, and its top module in it.
Netlist = dict[str, Any]
Module = dict[str, Any]
#: A net, or a constant ("0", "1", "x").
Bit = int | str

REGISTER, MULTIPLIER, BLOCK_RAM = "TRELLIS_FF", "MULT18X18D", "DP16KD"


class Controls(NamedTuple):
    """What a flip-flop is clocked, enabled ("1": always) and reset ("0": never) by."""

    clock: Bit
    enable: Bit
    reset: Bit


def top(design: Netlist) -> Module:
    """The top module."""
    return design["modules"][TOP]


def drivers(module: Module) -> dict[Bit, str]:
    """The cell that each bit comes from, by bit."""
    return {
        bit: name
        for name, cell in module["cells"].items()
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "output"
        for bit in bits
    }


def loads(module: Module) -> defaultdict[Bit, list[tuple[str | None, str]]]:
    """(cell, port) that each bit goes to, by bit; for an output of the module the cell is None."""
    found: defaultdict[Bit, list[tuple[str | None, str]]] = defaultdict(list)
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for bit in bits:
                    found[bit].append((name, port))
    for name, port in module["ports"].items():
        if port["direction"] == "output":
            for bit in port["bits"]:
                found[bit].append((None, name))
    return found


def controls(cell: Cell | None, port: str) -> Controls | None:
    """Of a flip-flop that could be in a block, where a bit goes to port `port` of a cell; otherwise
    None.
    """
    if cell is None or cell["type"] != REGISTER or port != "DI":
        return None
    connections, parameters = cell["connections"], cell["parameters"]
    enable, reset = connections.get("CE", ["1"])[0], connections.get("LSR", ["0"])[0]
    if (
        parameters["CEMUX"].strip() != ("1" if enable == "1" else "CE")
        or parameters["REGSET"] != "RESET"
        or parameters["CLKMUX"] != "CLK"
    ):
        return None
    if reset != "0" and (parameters["SRMODE"], parameters["LSRMUX"]) != ("LSR_OVER_CE", "LSR"):
        return None
    return Controls(connections["CLK"][0], enable, reset)


def follows_register(cells: dict[str, Cell], driver: dict[Bit, str], name: str | None) -> bool:
    """Whether a cell is a flip-flop that holds what a register or a block gave a cycle before.

    driver : from `drivers`.
    """
    if name is None or cells[name]["type"] != REGISTER:
        return False
    before = driver.get(cells[name]["connections"]["DI"][0])
    return before is not None and cells[before]["type"] in (REGISTER, MULTIPLIER, BLOCK_RAM)
