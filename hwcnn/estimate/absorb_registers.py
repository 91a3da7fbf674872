"""Registers of ECP5 multipliers and block RAMs: those beside them go into the blocks, whose own
registers Yosys does not use.

Place and route would otherwise go between the block and each register through the fabric, beside
what the block itself takes: by nextpnr's timing data (cells.json of speed grade 8) a block RAM
gives its data 4.3 ns after the clock without its register, 0.7 ns with it, and a multiplier needs
its operands 2.6 ns before the clock of its output register, 0.04 ns before that of its input
registers. The flip-flops that go are 0 initially, and so are the blocks' registers.
"""

from collections.abc import Callable, Iterable

from .netlist import Cell
from .netlist_graph import (
    BLOCK_RAM,
    MULTIPLIER,
    Bit,
    Controls,
    Module,
    Netlist,
    controls,
    drivers,
    follows_register,
    loads,
    top,
)

#: Inputs that are 0, which a register would be too.
_NOTHING = ("0", "x")


def output_registers(design: Netlist) -> int:
    """Change a netlist in place; returns the number of flip-flops that are gone.

    A block's register is used where all its outputs go to flip-flops only, of one clock, enable and
    reset (multipliers: one of the two).
    """
    module = top(design)
    cells, load = module["cells"], loads(module)
    gone = 0
    for cell in [cell for cell in cells.values() if cell["type"] in _BLOCKS]:
        prefix, use = _BLOCKS[cell["type"]]
        outputs = {
            port: bits[0]
            for port, bits in cell["connections"].items()
            if port.startswith(prefix) and load[bits[0]]
        }
        common = {
            controls(cells.get(name), port) for bit in outputs.values() for name, port in load[bit]
        }
        control = common.pop() if len(common) == 1 else None
        if control is not None and use(cell, control):
            gone += _absorb(cell, cells, outputs, load, module)
    return gone


def input_registers(design: Netlist) -> int:
    """Change a netlist in place; returns the number of flip-flops that are gone.

    A multiplier's input registers are used where both operands come from flip-flops that follow
    other registers, those of an operand with one clock, and one enable or reset. The flip-flops
    stay where others read them.
    """
    module = top(design)
    cells, driver = module["cells"], drivers(module)
    replaced = set()
    for cell in [cell for cell in cells.values() if cell["type"] == MULTIPLIER]:
        operands = [
            {
                port: driver.get(bits[0])
                for port, bits in cell["connections"].items()
                if port[0] == letter and bits[0] not in _NOTHING
            }
            for letter in "AB"
        ]
        a, b = (_common_controls(cells, driver, operand.values()) for operand in operands)
        if a is None or b is None or a.clock != b.clock:
            continue
        for n, letter, operand, own in ((1, "A", operands[0], a), (2, "B", operands[1], b)):
            replaced |= set(operand.values())
            cell["connections"] |= {
                port: cells[name]["connections"]["DI"] for port, name in operand.items()
            }
            _use_register(cell, f"INPUT{letter}", n, own)
    read = loads(module)
    gone = [name for name in replaced if not read[cells[name]["connections"]["Q"][0]]]
    for name in gone:
        del cells[name]
    return len(gone)


def _common_controls(
    cells: dict[str, Cell], driver: dict[Bit, str], names: Iterable[str | None]
) -> Controls | None:
    """The `Controls` of cells that are all flip-flops which follow others, if they are the same
    and a multiplier's register can have them.
    """
    found = {
        controls(cells[name], "DI") if name and follows_register(cells, driver, name) else None
        for name in names
    }
    common = found.pop() if len(found) == 1 else None
    return common if common and _for_multiplier(common) else None


def _for_multiplier(control: Controls) -> bool:
    """Whether a multiplier's register can have these: not both an enable and a reset, as we do not
    know which of them wins there.
    """
    return control.enable == "1" or control.reset == "0"


def _multiplier(cell: Cell, control: Controls) -> bool:
    """Use a multiplier's output register; returns whether it can be."""
    if not _for_multiplier(control):
        return False
    _use_register(cell, "OUTPUT", 0, control)
    return True


def _use_register(cell: Cell, name: str, n: int, control: Controls) -> None:
    """Put a register of a multiplier on its clock 0, enable n and reset n."""
    _connect(cell, {"CLK0": control.clock, f"CE{n}": control.enable, f"RST{n}": control.reset})
    cell["parameters"] |= {
        f"REG_{name}_CLK": "CLK0",
        f"REG_{name}_CE": f"CE{n}",
        f"REG_{name}_RST": f"RST{n}",
        "RESETMODE": "SYNC",
        "GSR": "DISABLED",
    }


def _connect(cell: Cell, inputs: dict[str, Bit]) -> None:
    cell["connections"] |= {port: [bit] for port, bit in inputs.items()}
    cell["port_directions"] |= dict.fromkeys(inputs, "input")


def _block_ram(cell: Cell, control: Controls) -> bool:
    """Use the output register of a block RAM's port B; returns whether it can be: not with a reset,
    which would be the RAM's too.

    A word of 36 bits comes from both ports.
    """
    if control.reset != "0" or cell["connections"]["CLKB"] != [control.clock]:
        return False
    halves = "AB" if int(cell["parameters"]["DATA_WIDTH_B"], 2) == 36 else "B"
    _connect(cell, {"OCEB": control.enable})
    cell["parameters"] |= {f"REGMODE_{half}": "OUTREG" for half in halves}
    return True


#: What outputs of a block are called, and how its register is used.
_BLOCKS: dict[str, tuple[str, Callable[[Cell, Controls], bool]]] = {
    MULTIPLIER: ("P", _multiplier),
    BLOCK_RAM: ("DO", _block_ram),
}


def _absorb(
    cell: Cell,
    cells: dict[str, Cell],
    outputs: dict[str, Bit],
    load: dict[Bit, list[tuple[str | None, str]]],
    module: Module,
) -> int:
    """The outputs become those of their flip-flops, which go; where an output has several, the
    first one's stands for all.

    Returns how many go.
    """
    gone = 0
    for output, bit in outputs.items():
        merged = [cells.pop(name)["connections"]["Q"][0] for name, _ in load[bit] if name]
        for other in merged[1:]:
            for name, port in load[other]:
                bits = (
                    module["ports"][port]["bits"]
                    if name is None
                    else cells[name]["connections"][port]
                )
                bits[:] = [merged[0] if b == other else b for b in bits]
            load[merged[0]] += load[other]
        cell["connections"][output] = [merged[0]]
        gone += len(merged)
    return gone
