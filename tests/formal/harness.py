"""A block of the accelerator between assumptions about its surroundings and properties that must
hold.
"""

import re
import sys
from dataclasses import dataclass, field

from amaranth import Cat, ClockDomain, Module, Mux, Signal, Value
from amaranth.asserts import AnyConst, AnySeq, Initial
from amaranth.hdl import Assert, Assume
from amaranth.lib.wiring import Component

#: As the name of a property: all of them, and the lemmas.
TOGETHER = "all"


class Harness:
    """Built by a proof's function around the block.

    The first cycle resets whatever has a reset; all other registers and all RAMs begin with any
    value, as after a soft reset. Assumptions and properties hold from the second cycle on.

    Members
    -------
    m : the module that the harness is. properties : {name: condition}, which hold in every cycle.
    reaches : {name: condition}, which some run must fulfil: the assumptions are not contradictory.
    lemmas : {name: condition}, proved together with the properties, which follow from these by
    induction. peeks : {path of a signal of the block: the harness' signal that shows it}.
    """

    def __init__(self):
        self.m, self.properties, self.reaches, self.lemmas, self._names = Module(), {}, {}, {}, 0
        self.m.domains.sync = self.domain = ClockDomain()
        self.domain.clk.name = "clk"
        self.m.d.comb += self.domain.rst.eq(Initial())

    def add(self, name, block):
        self.m.submodules[name] = block
        return block

    def add_open(self, name, block):
        """`add`; also returns {"submodule.function.variable": signal} of what the block's functions
        call their signals, for lemmas.
        """
        inner = {}
        self.m.submodules[name] = _opened(block, inner)
        return block, inner

    def any(self, name, shape=1):
        """An input, free in every cycle."""
        signal = Signal(shape, name=name)
        self.m.d.comb += Value.cast(signal).eq(AnySeq(len(Value.cast(signal))))
        return signal

    def constant(self, name, shape=1):
        """A value that is free, but the same in all cycles."""
        signal = Signal(shape, name=name)
        self.m.d.comb += Value.cast(signal).eq(AnyConst(len(Value.cast(signal))))
        return signal

    def register(self, name, shape=1, init=0):
        return Signal(shape, name=name, init=init)

    def past(self, value, name=None):
        """The value a cycle ago, 0 in the first cycle."""
        self._names += 1
        signal = Signal(len(Value.cast(value)), name=name or f"past_{self._names}")
        self.m.d.sync += signal.eq(value)
        return signal

    def ever(self, condition, name=None):
        """Whether the condition held in an earlier cycle."""
        self._names += 1
        signal = Signal(name=name or f"ever_{self._names}")
        self.m.d.sync += signal.eq(signal | condition)
        return signal

    def assume(self, condition):
        self.m.d.comb += Assume(self.domain.rst | Value.cast(condition).bool())

    def prove(self, name, condition):
        self.properties[name] = self._named(f"property {name}", condition)

    def reach(self, name, condition):
        self.reaches[name] = self._named(f"reaches {name}", condition)

    def lemma(self, name, condition):
        self.lemmas[name] = self._named(f"lemma {name}", condition)

    def _named(self, name, condition):
        signal = Signal(name=re.sub(r"\W+", "_", name))
        self.m.d.comb += signal.eq(Value.cast(condition).bool())
        return signal

    def check(self, name):
        """The one assertion of a proof: a property, all and the lemmas `TOGETHER`, or that a
        condition is never fulfilled.
        """
        if name == TOGETHER:
            holds = Cat(*self.properties.values(), *self.lemmas.values()).all()
        else:
            holds = ~self.reaches[name] if name in self.reaches else self.properties[name]
        self.m.d.comb += Assert(self.domain.rst | holds)

    def discard(self):
        """It was built for its names only: Amaranth warns of what is never elaborated."""
        _mark_used(self.m)

    # Streams.

    def feed(self, name, stream, steady=True):
        """Drives the input stream freely; `steady`: an item stays until it is taken."""
        raw = Value.cast(stream.payload)
        valid, payload = self.any(f"{name}_valid"), self.any(f"{name}_payload", len(raw))
        self.m.d.comb += [stream.valid.eq(valid), raw.eq(payload)]
        if steady:
            self.assume(self.steady(stream))

    def drain(self, name, stream):
        """Takes items of the output stream freely."""
        self.m.d.comb += stream.ready.eq(self.any(f"{name}_ready"))

    def steady(self, stream, *others):
        """An item that was not taken is still there, unchanged (so are `others`, which belong to
        it).
        """
        raw = Value.cast(stream.payload)
        held = self.past(stream.valid & ~stream.ready)
        return ~held | (stream.valid & (raw == self.past(raw)) & self._same(others))

    def _same(self, values):
        same = True
        for value in values:
            same &= value == self.past(value)
        return same

    def waits(self, condition, limit, name=None):
        """Cycles up to this one in which the condition held without a break, at most `limit`."""
        self._names += 1
        count = Signal(range(limit + 1), name=name or f"waits_{self._names}")
        now = Signal(range(limit + 1), name=f"now_{self._names}")
        self.m.d.comb += now.eq(Mux(condition, Mux(count == limit, limit, count + 1), 0))
        self.m.d.sync += count.eq(now)
        return now

    def fair(self, stream, limit):
        """Assume that an item waits at most `limit` cycles to be taken."""
        self.assume(self.waits(stream.valid & ~stream.ready, limit + 1) <= limit)


def _opened(block, inner, path=""):
    """The elaborated module of a component; what its functions and its submodules' call their
    signals goes to `inner`.
    """

    def watch(frame, event, _):
        if event == "return" and "hwcnn" in frame.f_code.co_filename:
            inner.update(
                {
                    f"{path}{frame.f_code.co_name}.{variable}": value
                    for variable, value in frame.f_locals.items()
                    if isinstance(value, Signal)
                }
            )

    sys.setprofile(watch)
    try:
        module = block.elaborate(None)
    finally:
        sys.setprofile(None)
    _mark_used(block)
    for name, (submodule, location) in module._named_submodules.items():
        if isinstance(submodule, Component):
            module._named_submodules[name] = _opened(submodule, inner, f"{path}{name}."), location
    return module


def _mark_used(elaboratable):
    """As Amaranth does with what it elaborates, submodules included."""
    elaboratable._MustUse__used = True
    if isinstance(elaboratable, Module):
        for submodule, _ in elaboratable._named_submodules.values():
            _mark_used(submodule)


def taken(stream):
    return stream.valid & stream.ready


@dataclass(frozen=True)
class Mutant:
    """A change of one place of a block, with which a property must be refuted.

    file : below hwcnn/rtl. old : text that is there once, where a space stands for any white space.
    """

    file: str
    old: str
    new: str
    property: str

    def apply(self, text):
        """The file's text, changed. Raises ValueError where `old` is not there once."""
        pattern = r"\s+".join(map(re.escape, self.old.split()))
        if len(re.findall(pattern, text)) != 1:
            raise ValueError(
                f"{self.file}: expected {self.old!r} once: adapt the mutant to the block"
            )
        return re.sub(pattern, lambda _: self.new, text)


@dataclass(frozen=True)
class Proof:
    """What is proved of a block with certain parameters.

    build : function of (harness, **parameters). bounds : {property: cycles} of those that are
    proved only for so many cycles after the reset. quick : part of ``make test``. narrow : {"module
    of hwcnn.constant or .class.attribute": value}, set in this order before the proof's file is
    imported, so that the block is the same but smaller.
    """

    block: str
    build: object
    parameters: dict
    mutants: tuple = ()
    bounds: dict = field(default_factory=dict)
    quick: bool = False
    narrow: dict = field(default_factory=dict)
