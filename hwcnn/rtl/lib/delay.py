"""Registers of data, which need no reset."""

from amaranth import Module, Signal, Value
from amaranth.hdl import ShapeLike


def output_register(m: Module, output: Signal) -> Signal:
    """A register without reset behind an output of a block, which follows it."""
    held = Signal(output.shape(), name=f"{Value.cast(output).name}_register", reset_less=True)
    m.d.comb += output.eq(held)
    return held


def delay(m: Module, value: Value, cycles: int, name: str) -> Value:
    """`value`, `cycles` cycles later; registers without reset, which synthesis maps to
    shift-register LUTs.
    """
    for i in range(cycles):
        held = Signal(value.shape(), name=f"{name}_{i}", reset_less=True)
        m.d.sync += held.eq(value)
        value = held
    return value


def register(
    m: Module, name: str, shape: ShapeLike, value: Value, clear: Value | None = None
) -> Signal:
    """`value` a cycle later, or 0 where `clear`, in a register without reset."""
    held = Signal(shape, name=name, reset_less=True)
    m.d.sync += held.eq(value)
    if clear is not None:
        with m.If(clear):
            m.d.sync += held.eq(0)
    return held
