"""Moves registers behind ECP5 multipliers into the multiplier blocks, whose own registers Yosys does not use.

Place and route would otherwise go from the block through the fabric to each register, which is longer than the product itself takes.
The flip-flops that go have no clock enable, and a synchronous reset at most; they are 0 initially and after it.
"""

from collections import defaultdict

from .netlist import TOP

_BLOCK, _REGISTER = "MULT18X18D", "TRELLIS_FF"
#: What puts the output register on the block's first clock, enable and reset.
_PARAMETERS = {"REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_CE": "CE0", "REG_OUTPUT_RST": "RST0", "RESETMODE": "SYNC", "GSR": "DISABLED"}


def output_registers(design):
    """Change a netlist of Yosys' ``write_json`` in place; returns the number of flip-flops that are gone.

    A block's register is used where all its outputs go to such flip-flops only, of one clock and reset.
    """
    module = design["modules"][TOP]
    cells, loads = module["cells"], _loads(module)
    gone = 0
    for cell in [cell for cell in cells.values() if cell["type"] == _BLOCK]:
        outputs = {port: bits[0] for port, bits in cell["connections"].items() if port[0] == "P" and loads[bits[0]]}
        controls = {_control(cells.get(name), port) for bit in outputs.values() for name, port in loads[bit]}
        if len(controls) == 1 and None not in controls:
            gone += _absorb(cell, cells, outputs, loads, module)
            ports = dict(zip(("CLK0", "RST0", "CE0"), ([bit] for bit in (*controls.pop(), "1")), strict=True))
            cell["connections"] |= ports
            cell["port_directions"] |= dict.fromkeys(ports, "input")
            cell["parameters"] |= _PARAMETERS
    return gone


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


def _control(cell, port):
    """(clock, reset) of a flip-flop that could be in a block, of what a bit goes to; otherwise None."""
    if cell is None or cell["type"] != _REGISTER or port != "DI":
        return None
    connections, parameters = cell["connections"], cell["parameters"]
    reset = connections.get("LSR", ["0"])[0]
    if "CE" in connections or parameters["CEMUX"].strip() != "1" or parameters["REGSET"] != "RESET" or parameters["CLKMUX"] != "CLK":
        return None
    if reset != "0" and (parameters["SRMODE"], parameters["LSRMUX"]) != ("LSR_OVER_CE", "LSR"):
        return None
    return connections["CLK"][0], reset


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
