"""Registers of ECP5 multipliers and block RAMs: those behind them go into the blocks, whose own output registers Yosys does not use.

Place and route would otherwise go from the block through the fabric to each register, which is longer than the product itself takes, and a
block RAM gives its data 4.3 ns after the clock without its register, 0.7 ns with it. The flip-flops that go are 0 initially, and so are the
blocks' registers. A register that many multipliers wait for gets a copy for each, which can be where the multiplier is.
"""

from collections import defaultdict
from itertools import count

from .netlist import TOP

_REGISTER, _MULTIPLIER = "TRELLIS_FF", "MULT18X18D"
#: Inputs of multipliers that a register may be for.
SHARED = 4


def output_registers(design):
    """Change a netlist of Yosys' ``write_json`` in place; returns the number of flip-flops that are gone.

    A block's register is used where all its outputs go to flip-flops only, of one clock, enable and reset (multipliers: one of the two).
    """
    module = design["modules"][TOP]
    cells, loads = module["cells"], _loads(module)
    gone = 0
    for cell in [cell for cell in cells.values() if cell["type"] in _BLOCKS]:
        prefix, use = _BLOCKS[cell["type"]]
        outputs = {port: bits[0] for port, bits in cell["connections"].items() if port.startswith(prefix) and loads[bits[0]]}
        controls = {_controls(cells.get(name), port) for bit in outputs.values() for name, port in loads[bit]}
        if len(controls) == 1 and None not in controls and (use := use(cell, *controls.pop())):
            gone += _absorb(cell, cells, outputs, loads, module)
            ports, parameters = use
            cell["connections"] |= {port: [bit] for port, bit in ports.items()}
            cell["port_directions"] |= dict.fromkeys(ports, "input")
            cell["parameters"] |= parameters
    return gone


def copy_registers(design):
    """Give each multiplier registers of its own in place of those that more than `SHARED` of their inputs
    wait for and that follow another register.

    Changes a netlist of Yosys' ``write_json`` in place; returns the number of flip-flops that are added.
    """
    module = design["modules"][TOP]
    cells, loads, names = module["cells"], _loads(module), count()
    drivers = {bit: name for name, cell in cells.items() for port, bits in cell["connections"].items()
               if cell["port_directions"][port] == "output" for bit in bits}
    new = count(1 + max(bit for cell in cells.values() for bits in cell["connections"].values() for bit in bits if isinstance(bit, int)))

    def shared(bit):
        """The flip-flop of a bit, if it is such a one."""
        name = drivers.get(bit)
        if name is None or cells[name]["type"] != _REGISTER or sum(cells[n]["type"] == _MULTIPLIER for n, _ in loads[bit] if n) <= SHARED:
            return None
        before = drivers.get(cells[name]["connections"]["DI"][0])
        return cells[name] if before and cells[before]["type"] in (_REGISTER, *_BLOCKS) else None

    added = 0
    for name, cell in [(name, cell) for name, cell in cells.items() if cell["type"] == _MULTIPLIER]:
        copies = {}
        for port, (bit,) in cell["connections"].items():
            if port[0] in "AB" and bit not in copies and (register := shared(bit)):
                copies[bit] = next(new)
                cells[f"{name}_TRELLIS_FF_{next(names)}"] = register | {"connections": register["connections"] | {"Q": [copies[bit]]}}
                added += 1
            if bit in copies:
                cell["connections"][port] = [copies[bit]]
    return added


def _multiplier(cell, clock, enable, reset):
    """(ports, parameters) of a multiplier block that put its output register on its first clock, enable and reset; None with both."""
    if enable != "1" and reset != "0":
        return None
    return ({"CLK0": clock, "CE0": enable, "RST0": reset},
            {"REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_CE": "CE0", "REG_OUTPUT_RST": "RST0", "RESETMODE": "SYNC", "GSR": "DISABLED"})


def _block_ram(cell, clock, enable, reset):
    """(ports, parameters) of the output register of a block RAM's port B; None with a reset, which would be the RAM's too.

    A word of 36 bits comes from both ports.
    """
    if reset != "0" or cell["connections"]["CLKB"] != [clock]:
        return None
    halves = "AB" if int(cell["parameters"]["DATA_WIDTH_B"], 2) == 36 else "B"
    return {"OCEB": enable}, {f"REGMODE_{half}": "OUTREG" for half in halves}


#: What outputs of a block are called, and how its register is used.
_BLOCKS = {_MULTIPLIER: ("P", _multiplier), "DP16KD": ("DO", _block_ram)}


def _loads(module):
    """``{bit: [(cell, port)]}`` of what a bit goes to; for an output of the module the cell is None."""
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
    """(clock, enable, reset) of a flip-flop that could be in a block, of what a bit goes to; otherwise None."""
    if cell is None or cell["type"] != _REGISTER or port != "DI":
        return None
    connections, parameters = cell["connections"], cell["parameters"]
    enable, reset = connections.get("CE", ["1"])[0], connections.get("LSR", ["0"])[0]
    if parameters["CEMUX"].strip() != ("1" if enable == "1" else "CE") or parameters["REGSET"] != "RESET" or parameters["CLKMUX"] != "CLK":
        return None
    if reset != "0" and (parameters["SRMODE"], parameters["LSRMUX"]) != ("LSR_OVER_CE", "LSR"):
        return None
    return connections["CLK"][0], enable, reset


def _absorb(cell, cells, outputs, loads, module):
    """The outputs become those of their flip-flops, which go; where an output has several, the first one's stands for all.

    Returns how many go.
    """
    gone = 0
    for output, bit in outputs.items():
        merged = [cells.pop(name)["connections"]["Q"][0] for name, _ in loads[bit]]
        for other in merged[1:]:
            for name, port in loads[other]:
                bits = module["ports"][port]["bits"] if name is None else cells[name]["connections"][port]
                bits[:] = [merged[0] if b == other else b for b in bits]
            loads[merged[0]] += loads[other]
        cell["connections"][output] = [merged[0]]
        gone += len(merged)
    return gone
