"""Registers of data, which need no reset."""

from amaranth import Signal, Value


def output_register(m, output):
    """A register without reset behind an output of a block, which follows it."""
    held = Signal(output.shape(), name=f"{Value.cast(output).name}_register", reset_less=True)
    m.d.comb += output.eq(held)
    return held


def delay(m, value, cycles, name):
    """`value`, `cycles` cycles later; registers without reset, which synthesis maps to
    shift-register LUTs.
    """
    for i in range(cycles):
        held = Signal(value.shape(), name=f"{name}_{i}", reset_less=True)
        m.d.sync += held.eq(value)
        value = held
    return value


def register(m, name, shape, value, clear=None):
    """`value` a cycle later, or 0 where `clear`, in a register without reset."""
    held = Signal(shape, name=name, reset_less=True)
    m.d.sync += held.eq(value)
    if clear is not None:
        with m.If(clear):
            m.d.sync += held.eq(0)
    return held
