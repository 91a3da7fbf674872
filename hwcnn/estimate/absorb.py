"""Registers of ECP5 multipliers and block RAMs: those beside them go into the blocks, whose own
registers Yosys does not use.

Place and route would otherwise go between the block and each register through the fabric, beside
what the block itself takes: by nextpnr's timing data (cells.json of speed grade 8) a block RAM
gives its data 4.3 ns after the clock without its register, 0.7 ns with it, and a multiplier needs
its operands 2.6 ns before the clock of its output register, 0.04 ns before that of its input
registers. The flip-flops that go are 0 initially, and so are the blocks' registers. A register that
many multipliers still wait for gets a copy for each, which can be where the multiplier is.
"""

from collections import defaultdict
from itertools import count

from .netlist import TOP

_REGISTER, _MULTIPLIER = "TRELLIS_FF", "MULT18X18D"
#: Inputs that are 0, which a register would be too.
_NOTHING = ("0", "x")
#: Inputs of multipliers that a register may be for.
SHARED = 4


def output_registers(design):
    """Change a netlist of Yosys' ``write_json`` in place; returns the number of flip-flops that are
    gone.

    A block's register is used where all its outputs go to flip-flops only, of one clock, enable and
    reset (multipliers: one of the two).
    """
    module = design["modules"][TOP]
    cells, loads = module["cells"], _loads(module)
    gone = 0
    for cell in [cell for cell in cells.values() if cell["type"] in _BLOCKS]:
        prefix, use = _BLOCKS[cell["type"]]
        outputs = {
            port: bits[0]
            for port, bits in cell["connections"].items()
            if port.startswith(prefix) and loads[bits[0]]
        }
        controls = {
            _controls(cells.get(name), port)
            for bit in outputs.values()
            for name, port in loads[bit]
        }
        if len(controls) == 1 and None not in controls and use(cell, *controls.pop()):
            gone += _absorb(cell, cells, outputs, loads, module)
    return gone


def input_registers(design):
    """Change a netlist of Yosys' ``write_json`` in place; returns the number of flip-flops that are
    gone.

    A multiplier's input registers are used where both operands come from flip-flops that follow
    other registers, those of an operand with one clock, and one enable or reset. The flip-flops
    stay where others read them.
    """
    module = design["modules"][TOP]
    cells, drivers = module["cells"], _drivers(module)
    replaced = set()
    for cell in [cell for cell in cells.values() if cell["type"] == _MULTIPLIER]:
        operands = [
            {
                port: drivers.get(bits[0])
                for port, bits in cell["connections"].items()
                if port[0] == letter and bits[0] not in _NOTHING
            }
            for letter in "AB"
        ]
        a, b = (_common_controls(cells, drivers, operand.values()) for operand in operands)
        if a is None or b is None or a[0] != b[0]:
            continue
        for n, (letter, operand, controls) in enumerate(zip("AB", operands, (a, b)), 1):
            replaced |= set(operand.values())
            cell["connections"] |= {
                port: cells[name]["connections"]["DI"] for port, name in operand.items()
            }
            _use_register(cell, f"INPUT{letter}", n, *controls)
    read = _loads(module)
    gone = [name for name in replaced if not read[cells[name]["connections"]["Q"][0]]]
    for name in gone:
        del cells[name]
    return len(gone)


def copy_registers(design):
    """Give each multiplier without input registers registers of its own in place of those that more
    than `SHARED` of their inputs wait for and that follow another register.

    Changes a netlist of Yosys' ``write_json`` in place; returns the number of flip-flops that are
    added.
    """
    module = design["modules"][TOP]
    cells, loads, drivers, names = module["cells"], _loads(module), _drivers(module), count()
    multipliers = {
        name: cell
        for name, cell in cells.items()
        if cell["type"] == _MULTIPLIER and "REG_INPUTA_CLK" not in cell["parameters"]
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

    def shared(bit):
        """The flip-flop of a bit, if it is such a one."""
        name, waiting = drivers.get(bit), sum(n in multipliers for n, _ in loads[bit])
        return cells[name] if waiting > SHARED and _follows(cells, drivers, name) else None

    added = 0
    for name, cell in multipliers.items():
        copies = {}
        for port, (bit,) in cell["connections"].items():
            if port[0] in "AB" and bit not in copies and (register := shared(bit)):
                copies[bit] = next(new)
                cells[f"{name}_TRELLIS_FF_{next(names)}"] = register | {
                    "connections": register["connections"] | {"Q": [copies[bit]]}
                }
                added += 1
            if bit in copies:
                cell["connections"][port] = [copies[bit]]
    return added


def _follows(cells, drivers, name):
    """Whether a cell is a flip-flop that holds what a register or a block gave a cycle before."""
    if name is None or cells[name]["type"] != _REGISTER:
        return False
    before = drivers.get(cells[name]["connections"]["DI"][0])
    return before is not None and cells[before]["type"] in (_REGISTER, *_BLOCKS)


def _common_controls(cells, drivers, names):
    """The `_controls` of cells that are all flip-flops which follow others, if they are the same
    and a multiplier's register can have them.
    """
    controls = {
        _controls(cells[name], "DI") if _follows(cells, drivers, name) else None for name in names
    }
    common = controls.pop() if len(controls) == 1 else None
    return common if common and _for_multiplier(*common) else None


def _for_multiplier(clock, enable, reset):
    """Whether a multiplier's register can have these: not both an enable and a reset, as we do not
    know which of them wins there.
    """
    return enable == "1" or reset == "0"


def _multiplier(cell, *controls):
    """Use a multiplier's output register; returns whether it can be."""
    if not _for_multiplier(*controls):
        return False
    _use_register(cell, "OUTPUT", 0, *controls)
    return True


def _use_register(cell, name, n, clock, enable, reset):
    """Put a register of a multiplier on its clock 0, enable n and reset n."""
    _connect(cell, {"CLK0": clock, f"CE{n}": enable, f"RST{n}": reset})
    cell["parameters"] |= {
        f"REG_{name}_CLK": "CLK0",
        f"REG_{name}_CE": f"CE{n}",
        f"REG_{name}_RST": f"RST{n}",
        "RESETMODE": "SYNC",
        "GSR": "DISABLED",
    }


def _connect(cell, inputs):
    cell["connections"] |= {port: [bit] for port, bit in inputs.items()}
    cell["port_directions"] |= dict.fromkeys(inputs, "input")


def _block_ram(cell, clock, enable, reset):
    """Use the output register of a block RAM's port B; returns whether it can be: not with a reset,
    which would be the RAM's too.

    A word of 36 bits comes from both ports.
    """
    if reset != "0" or cell["connections"]["CLKB"] != [clock]:
        return False
    halves = "AB" if int(cell["parameters"]["DATA_WIDTH_B"], 2) == 36 else "B"
    _connect(cell, {"OCEB": enable})
    cell["parameters"] |= {f"REGMODE_{half}": "OUTREG" for half in halves}
    return True


#: What outputs of a block are called, and how its register is used.
_BLOCKS = {_MULTIPLIER: ("P", _multiplier), "DP16KD": ("DO", _block_ram)}


def _drivers(module):
    """``{bit: cell}`` of what a bit comes from."""
    return {
        bit: name
        for name, cell in module["cells"].items()
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "output"
        for bit in bits
    }


def _loads(module):
    """``{bit: [(cell, port)]}`` of what a bit goes to; for an output of the module the cell is
    None.
    """
    loads = defaultdict(list)
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for bit in bits:
                    loads[bit].append((name, port))
    for name, port in module["ports"].items():
        if port["direction"] == "output":
            for bit in port["bits"]:
                loads[bit].append((None, name))
    return loads


def _controls(cell, port):
    """(clock, enable, reset) of a flip-flop that could be in a block, of what a bit goes to;
    otherwise None.
    """
    if cell is None or cell["type"] != _REGISTER or port != "DI":
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
    return connections["CLK"][0], enable, reset


def _absorb(cell, cells, outputs, loads, module):
    """The outputs become those of their flip-flops, which go; where an output has several, the
    first one's stands for all.

    Returns how many go.
    """
    gone = 0
    for output, bit in outputs.items():
        merged = [cells.pop(name)["connections"]["Q"][0] for name, _ in loads[bit]]
        for other in merged[1:]:
            for name, port in loads[other]:
                bits = (
                    module["ports"][port]["bits"]
                    if name is None
                    else cells[name]["connections"][port]
                )
                bits[:] = [merged[0] if b == other else b for b in bits]
            loads[merged[0]] += loads[other]
        cell["connections"][output] = [merged[0]]
        gone += len(merged)
    return gone
