"""Programs that must end with an error: each of the accelerator's errors, and of a bus error each
client.
"""

from hwcnn import isa
from hwcnn.rtl.host import registers
from hwcnn.sim.engines import rtl_engine

from .engines import random_inputs
from .stages import Failure

#: A fault of how the program is run.
UNCHANGED = "read fetch"
#: A byte offset at which there is no memory.
NOWHERE = 0x3000_0000
#: Cycles until the watchdog bites, or the budget is spent where memory is fast.
LIMIT = registers.LIMIT_UNIT
#: Client to its instruction and the field that holds its address.
_ADDRESS = {
    "read load": ("load", "addr"),
    "read weights": ("weight", "addr"),
    "read params": ("param", "addr"),
    "read residual": ("post", "res_addr"),
    "read vector_a": ("vector", "addr"),
    "read vector_b": ("vector", "b_addr"),
    "write post": ("post", "out_addr"),
    "write vector": ("vector", "out_addr"),
}


def program(name, whole):
    """The program with the fault `name` (of coverage.ERRORS), or None where none of its
    instructions can have it.
    """
    at, parts, done = 0, [], name == UNCHANGED
    while at < len(whole):
        instruction, waits, values, size = isa.decode(whole, at)
        part = whole[at : at + size]
        if not done and _fits(name, instruction, values):
            done = True
            part = _broken(name, instruction, waits, values)
        parts.append(part)
        at += size
    return b"".join(parts) if done else None


def _fits(name, instruction, values):
    if name == "opcode":
        return instruction is isa.ARRAY or instruction is isa.VECTOR
    if name in ("watchdog", "budget"):
        return instruction is isa.END
    engine, field = _ADDRESS[name]
    used = {"res_addr": values.get("residual"), "b_addr": values.get("b_mode")}.get(field, True)
    return instruction.name == engine and bool(used)


def _broken(name, instruction, waits, values):
    if name == "opcode":
        return b"\xee" + isa.encode(instruction, waits, **values)[1:]
    if name in ("watchdog", "budget"):
        return isa.encode(instruction, waits | {"load": waits.get("load", 0) + 1}, **values)
    return isa.encode(instruction, waits, **values | {_ADDRESS[name][1]: NOWHERE})


def run(simulator, name, design, broken):
    """Run the broken program. Raises Failure where the accelerator does not report just this error.
    It has been reset then.
    """
    design.fill(simulator.dram, random_inputs(design.graph, 0)[0])
    at = design.manifest.memory.program.addr
    simulator.dram[at : at + len(broken)] = memoryview(broken)
    limits = {"watchdog": {"watchdog": LIMIT}, "budget": {"watchdog": 0, "budget": LIMIT}}.get(
        name, {}
    )
    try:
        simulator.run(NOWHERE if name == UNCHANGED else at, **limits)
    except rtl_engine.AcceleratorError as e:
        if name != " ".join(filter(None, (e.error, e.client))):
            raise Failure(f"rtl: another error than {name!r}", str(e)) from e
        return
    except rtl_engine.SimulationError as e:
        raise Failure(f"rtl: no error where {name!r} is one", str(e)) from e
    raise Failure(f"rtl: no error where {name!r} is one")
