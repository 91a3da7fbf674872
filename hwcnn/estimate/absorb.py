"""Moves registers behind ECP5 multipliers into the multiplier blocks, whose own registers Yosys does not use.

Place and route would otherwise go from the block through the fabric to each register, which is longer than the product itself takes.
The flip-flops that go are ones that follow the clock alone: no clock enable, no reset, initially 0.
"""

from collections import defaultdict

from .netlist import TOP

_BLOCK, _REGISTER = "MULT18X18D", "TRELLIS_FF"
#: Ports of the block's clock, its enable and reset, and the parameters that put the output register on them.
_PORTS = {"CE0": ["1"], "RST0": ["0"]}
_PARAMETERS = {"REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_CE": "CE0", "REG_OUTPUT_RST": "RST0", "GSR": "DISABLED"}


def output_registers(design):
    """Change a netlist of Yosys' ``write_json`` in place; returns the number of flip-flops that are gone.

    A block's register is used where all its outputs go to such flip-flops only.
    """
    module = design["modules"][TOP]
    cells, loads = module["cells"], _loads(module)
    gone = 0
    for cell in [cell for cell in cells.values() if cell["type"] == _BLOCK]:
        outputs = [bits[0] for port, bits in cell["connections"].items() if port[0] == "P" and loads[bits[0]]]
        registers = [name for bit in outputs for name, _ in loads[bit]]
        plain = all(port == "DI" and _plain(cells.get(name)) for bit in outputs for name, port in loads[bit])
        clocks = {cells[name]["connections"]["CLK"][0] for name in registers} if plain else ()
        if len(clocks) == 1:
            _absorb(cell, cells, outputs, loads, module)
            cell["connections"] |= _PORTS | {"CLK0": list(clocks)}
            cell["port_directions"] |= dict.fromkeys([*_PORTS, "CLK0"], "input")
            cell["parameters"] |= _PARAMETERS
            gone += len(registers)
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


def _plain(cell):
    """Whether a cell is a flip-flop that could be in a block."""
    if cell is None or cell["type"] != _REGISTER:
        return False
    connections, parameters = cell["connections"], cell["parameters"]
    return (connections.get("LSR", ["0"]) == ["0"] and "CE" not in connections and parameters["CEMUX"].strip() == "1"
            and parameters["REGSET"] == "RESET" and parameters["CLKMUX"] == "CLK")


def _absorb(cell, cells, outputs, loads, module):
    """The outputs become those of their flip-flops, which go; where an output has several, the first one's stands for all."""
    for bit in outputs:
        merged = [cells.pop(name)["connections"]["Q"][0] for name, _ in loads[bit]]
        for other in merged[1:]:
            for name, port in loads[other]:
                bits = module["ports"][port]["bits"] if name is None else cells[name]["connections"][port]
                bits[:] = [merged[0] if b == other else b for b in bits]
            loads[merged[0]] += loads[other]
        port = next(port for port, bits in cell["connections"].items() if bits == [bit] and port[0] == "P")
        cell["connections"][port] = [merged[0]]
