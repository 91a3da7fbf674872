"""Multipliers that are made of LUTs, for a device that has too few multiplier blocks.

The products of one operand with two bits of the other at a time are added up. Where a register is
behind the product it goes into the middle: each half of the other operand gives a product with a
register of its own, so that no step takes as long as the whole.
"""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

from pyosys import libyosys  # pyright: ignore[reportAttributeAccessIssue]  # has no types

#: Yosys' objects, for which pyosys has no types.
Module = Any
Cell = Any
Signal = Any
Bit = Any
#: LUTs of two bits of ECP5's carry chain, which adds or subtracts two products of bits (A and B, C
#: and D).
_ADD, _SUBTRACT = 0x7888, 0x8777


def soften(design: Any, number: int, chains: bool, run: Callable[..., None]) -> None:
    """Make the smallest multipliers of a flat design of LUTs.

    design : of Yosys, changed in place. number : of multipliers. chains : with ECP5's carry chains.
    run : executes Yosys commands.
    """
    run("wreduce t:$mul", "opt_clean")
    module = design.top_module()
    builder, registers, uses = _Builder(module, chains), _registers(module), _uses(module)
    for cell in _smallest(module)[:number]:
        builder.replace(cell, registers, uses)
    run("opt_clean")


def _id(name: str) -> Any:
    return libyosys.IdString(f"\\{name}")


def _port(cell: Cell, name: str) -> Signal:
    return cell.getPort(_id(name))


def _smallest(module: Module) -> list[Cell]:
    """Multipliers of two variables, those with the fewest partial products first, and among equals
    those of the last rows.
    """
    cells = [cell for cell in module.cells_.values() if cell.type.str() == "$mul"]
    ports = [[_port(cell, port) for port in "AB"] for cell in cells]
    sized = [
        (a.size() * b.size(), -number, cell)
        for number, (cell, (a, b)) in enumerate(zip(cells, ports, strict=True))
        if not (a.is_fully_const() or b.is_fully_const())
    ]
    return [cell for _, _, cell in sorted(sized, key=lambda item: item[:2])]


def _registers(module: Module) -> dict[Bit, Cell]:
    """The register without enable and reset whose data input a bit goes to, by bit."""
    return {
        bit: cell
        for cell in module.cells_.values()
        if cell.type.str() == "$dff"
        for bit in _port(cell, "D").bits()
    }


def _uses(module: Module) -> Counter[Bit]:
    """The number of cells and outputs that each bit goes to."""
    uses = Counter()
    for cell in module.cells_.values():
        for port, signal in cell.connections_.items():
            if cell.input(port):
                uses.update(set(signal.bits()))
    for wire in module.wires_.values():
        if wire.port_output:
            uses.update(libyosys.SigSpec(wire).bits())
    return uses


def _constant(bit: Bit) -> bool:
    return libyosys.SigSpec(bit, 1).is_fully_const()


def _extended(signal: Signal, bits: int, signed: bool) -> Signal:
    """A signal of so many bits, more or fewer."""
    signal = libyosys.SigSpec(signal)
    signal.extend_u0(bits, signed)
    return signal


def _even(signal: Signal, signed: bool) -> Signal:
    """A signal as a signed one of an even number of bits."""
    plain = _extended(signal, signal.size() + (not signed), signed)
    return _extended(plain, plain.size() + plain.size() % 2, True)


class _Builder:
    """Adds cells and wires to a module. chains : as in `soften`."""

    def __init__(self, module: Module, chains: bool) -> None:
        self.module, self.chains = module, chains
        self.names, self.path = count(), ""

    def replace(self, cell: Cell, registers: dict[Bit, Cell], uses: Counter[Bit]) -> None:
        """Put sums in the place of a multiplier; and of its register, if that gets all its product
        and nothing else does.
        """
        y, self.path = _port(cell, "Y"), cell.get_string_attribute(_id("src"))
        signed = cell.getParam(_id("A_SIGNED")).as_bool()
        b, a = (
            _even(operand, signed)
            for operand in sorted(
                (_port(cell, port) for port in "AB"), key=lambda operand: operand.size()
            )
        )
        register, place = registers.get(y.bits()[0]), {bit: n for n, bit in enumerate(y.bits())}
        inputs = _port(register, "D").bits() if register else []
        if (
            any(uses[bit] != 1 for bit in place)
            or {bit for bit in inputs if not _constant(bit)} != place.keys()
        ):
            self.module.connect(y, _extended(self._product(a, b, True), y.size(), True))
        else:
            total = _extended(self._product(a, b, True, _port(register, "CLK")), y.size(), True)
            for bit, output in zip(inputs, _port(register, "Q").bits(), strict=True):
                self.module.connect(
                    libyosys.SigSpec(output, 1),
                    libyosys.SigSpec(bit, 1) if _constant(bit) else total.extract(place[bit], 1),
                )
            self.module.remove(register)
        self.module.remove(cell)

    def _product(self, a: Signal, b: Signal, signed: bool, clock: Signal = None) -> Signal:
        """a * b of a signed a: two bits of b, or the sum of both halves'. clock : of registers
        between those and their sum.
        """
        if b.size() == 2:
            return self._registered(self._pair(a, b, subtract=signed), clock)
        half = b.size() // 4 * 2
        low, high = (
            self._registered(self._product(a, bits, bool(signed and n)), clock)
            for n, bits in enumerate((b.extract(0, half), b.extract(half, b.size() - half)))
        )
        shifted, total = libyosys.SigSpec(0, half), self._wire(a.size() + b.size())
        shifted.append(high)
        self._made(self.module.addAdd, low, shifted, total, True)
        return total

    def _registered(self, value: Signal, clock: Signal) -> Signal:
        """The value, or a register of it; clock : None for none."""
        if clock is None:
            return value
        held = self._wire(value.size())
        self._made(self.module.addDff, clock, value, held)
        return held

    def _pair(self, a: Signal, b: Signal, subtract: bool) -> Signal:
        """a * b[0] + 2*a * b[1], or less the second, in two bits more than a."""
        double = libyosys.SigSpec(0, 1)
        double.append(a)
        plain, double = (_extended(value, a.size() + 2, True) for value in (a, double))
        terms, y = [(plain, b.extract(0, 1)), (double, b.extract(1, 1))], self._wire(a.size() + 2)
        if self.chains:
            self._chain(terms[::-1] if subtract else terms, y, subtract)
        else:
            gated = [self._wire(y.size()) for _ in terms]
            for (value, bit), out in zip(terms, gated, strict=True):
                self._made(self.module.addAnd, value, bit.repeat(y.size()), out)
            self._made(self.module.addSub if subtract else self.module.addAdd, *gated, y, True)
        return y

    def _chain(self, terms: list[tuple[Signal, Signal]], y: Signal, subtract: bool) -> None:
        """The second of two gated values plus the first, or less the first, in the LUTs of a carry
        chain.
        """
        carry = libyosys.SigSpec(int(subtract), 1)
        for k in range(0, y.size(), 2):
            cell = self._made(self.module.addCell, _id("CCU2C"))
            for half in range(2):
                cell.setParam(
                    _id(f"INIT{half}"), libyosys.Const(_SUBTRACT if subtract else _ADD, 16)
                )
                cell.setParam(_id(f"INJECT1_{half}"), libyosys.Const("NO"))
                for ports, (value, bit) in zip(("AB", "CD"), terms, strict=True):
                    cell.setPort(_id(f"{ports[0]}{half}"), value.extract(k + half, 1))
                    cell.setPort(_id(f"{ports[1]}{half}"), bit)
                cell.setPort(_id(f"S{half}"), y.extract(k + half, 1))
            cell.setPort(_id("CIN"), carry)
            carry = self._wire(1)
            cell.setPort(_id("COUT"), carry)

    def _made(self, add: Callable[..., Cell], *arguments: Any) -> Cell:
        cell = add(libyosys.IdString(f"$soft${next(self.names)}"), *arguments)
        cell.set_string_attribute(_id("src"), self.path)
        return cell

    def _wire(self, bits: int) -> Signal:
        return libyosys.SigSpec(
            self.module.addWire(libyosys.IdString(f"$soft${next(self.names)}"), bits)
        )
