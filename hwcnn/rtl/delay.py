"""Values carried along beside a pipeline."""

from amaranth import Signal


def delay(m, value, cycles, name):
    """`value`, `cycles` cycles later; registers without reset, which synthesis maps to shift-register LUTs."""
    for i in range(cycles):
        held = Signal(value.shape(), name=f"{name}_{i}", reset_less=True)
        m.d.sync += held.eq(value)
        value = held
    return value
