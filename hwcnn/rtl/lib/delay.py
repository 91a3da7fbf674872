"""Registers of data, which need no reset."""

from amaranth import Module, Signal, Value
from amaranth.hdl import ShapeLike


def output_register(m: Module, output: Signal) -> Signal:
    """A register without reset behind an output of a block, which follows it."""
    delayed = Signal(output.shape(), name=f"{Value.cast(output).name}_register", reset_less=True)
    m.d.comb += output.eq(delayed)
    return delayed


def delay(m: Module, value: Value, cycles: int, name: str) -> Value:
    """`value`, `cycles` cycles later; registers without reset, which synthesis maps to
    shift-register LUTs.
    """
    for i in range(cycles):
        delayed = Signal(value.shape(), name=f"{name}_{i}", reset_less=True)
        m.d.sync += delayed.eq(value)
        value = delayed
    return value


def register(
    m: Module, name: str, shape: ShapeLike, value: Value, clear: Value | None = None
) -> Signal:
    """`value` a cycle later, or 0 where `clear`, in a register without reset."""
    delayed = Signal(shape, name=name, reset_less=True)
    m.d.sync += delayed.eq(value)
    if clear is not None:
        with m.If(clear):
            m.d.sync += delayed.eq(0)
    return delayed
