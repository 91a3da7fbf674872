"""Registers of data, which need no reset."""

from amaranth import Signal, Value


def unreset(m, output):
    """A register without reset behind an output of a block, which follows it."""
    register = Signal(output.shape(), name=f"{Value.cast(output).name}_register", reset_less=True)
    m.d.comb += output.eq(register)
    return register


def delay(m, value, cycles, name):
    """`value`, `cycles` cycles later; registers without reset, which synthesis maps to shift-register LUTs."""
    for i in range(cycles):
        held = Signal(value.shape(), name=f"{name}_{i}", reset_less=True)
        m.d.sync += held.eq(value)
        value = held
    return value
