"""The AXI4-Lite slave: writes and reads of the registers, one of each at a time."""

from collections.abc import Mapping

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from hwcnn.config import bits_for

from .registers import ADDR_BITS, BY_NAME, DATA_BITS, PERF, PERF_OFFSET, REGISTERS

#: Bits of a register's number, its offset in words.
_WORD_BITS = bits_for(max(r.offset for r in REGISTERS) // 4 + 1)


def axi_lite_members(addr_bits: int = ADDR_BITS, data_bits: int = DATA_BITS) -> dict[str, Member]:
    """Members of an AXI4-Lite slave, by the names of the specification."""
    return {
        "awaddr": In(addr_bits),
        "awprot": In(3),
        "awvalid": In(1),
        "awready": Out(1),
        "wdata": In(data_bits),
        "wstrb": In(data_bits // 8),
        "wvalid": In(1),
        "wready": Out(1),
        "bresp": Out(2),
        "bvalid": Out(1),
        "bready": In(1),
        "araddr": In(addr_bits),
        "arprot": In(3),
        "arvalid": In(1),
        "arready": Out(1),
        "rdata": Out(data_bits),
        "rresp": Out(2),
        "rvalid": Out(1),
        "rready": In(1),
    }


def _locate(address: Value) -> Value:
    """The number of the register at an address, and a bit: it is in the map."""
    return Cat(address[2 : 2 + _WORD_BITS], ~address[2 + _WORD_BITS :].any())


class RegisterWrite:
    """The write that commits in this cycle."""

    def __init__(self, commit: Value, word: Value, data: Value, strb: Value) -> None:
        self.commit, self.word, self.data, self.strb = commit, word, data, strb

    def strobe(self, name: str) -> Value:
        """High while register `name` is written."""
        return self.commit & (self.word == BY_NAME[name].offset >> 2)

    def bit(self, name: str, bit: str) -> Value:
        """High while a one is written to a field of one bit of register `name`."""
        lsb = BY_NAME[name][bit].lsb
        return self.strobe(name) & self.data[lsb] & self.strb[lsb // 8]

    def written(self, width: int) -> Value:
        """The low `width` bits of the data, 0 where not strobed."""
        return (self.data & Cat(s.replicate(8) for s in self.strb))[:width]

    def store(self, m: Module, name: str, target: Signal, lsb: int = 0) -> None:
        """Write register `name`, whose bits from `lsb` on are `target`, byte by byte."""
        for k, strobe in enumerate(self.strb):
            low, high = max(8 * k, lsb), 8 * k + 8
            if low < high:
                with m.If(self.strobe(name) & strobe):
                    m.d.sync += target[low - lsb : high - lsb].eq(self.data[low:high])


def write_channel(m: Module, slave: wiring.Component) -> RegisterWrite:
    """Takes address and data in any order; the returned object tells which register is written
    with what.
    """
    word, in_map, data, strb = (
        Signal(_WORD_BITS),
        Signal(),
        Signal(DATA_BITS),
        Signal(DATA_BITS // 8),
    )
    address_held, data_held, commit = Signal(), Signal(), Signal()
    m.d.comb += [slave.awready.eq(~address_held), slave.wready.eq(~data_held)]
    m.d.sync += commit.eq(address_held & data_held & ~slave.bvalid & ~commit)
    with m.If(slave.awvalid & slave.awready):
        m.d.sync += [Cat(word, in_map).eq(_locate(slave.awaddr)), address_held.eq(1)]
    with m.If(slave.wvalid & slave.wready):
        m.d.sync += [data.eq(slave.wdata), strb.eq(slave.wstrb), data_held.eq(1)]
    with m.If(slave.bready):
        m.d.sync += slave.bvalid.eq(0)
    with m.If(commit):
        m.d.sync += [address_held.eq(0), data_held.eq(0), slave.bvalid.eq(1)]
    return RegisterWrite(commit & in_map, word, data, strb)


def read_channel(
    m: Module, slave: wiring.Component, values: Mapping[str, Value], turn: Value
) -> None:
    """Answers reads with `values`, signals by register name (those left out read as 0).

    Performance counter number `turn` can be read: reads of the others wait for their turn.
    """
    word, in_map, pending, answers = Signal(_WORD_BITS), Signal(), Signal(), Signal()
    # the counters begin at a multiple of their number of words, rounded up
    page = bits_for(len(PERF))
    number = word[:page]
    is_counter = (word[page:] == PERF_OFFSET >> 2 + page) & (number < len(PERF))
    m.d.comb += answers.eq(pending & (~is_counter | (number == turn)))
    m.d.comb += slave.arready.eq(~pending & ~slave.rvalid)
    with m.If(slave.arvalid & slave.arready):
        m.d.sync += [Cat(word, in_map).eq(_locate(slave.araddr)), pending.eq(1)]
    with m.If(slave.rready):
        m.d.sync += slave.rvalid.eq(0)
    with m.If(answers):
        m.d.sync += [pending.eq(0), slave.rvalid.eq(1)]
    with m.If(pending):
        m.d.sync += slave.rdata.eq(0)
        with m.If(in_map):
            with m.Switch(word):
                for register in REGISTERS:
                    if register.name in values:
                        with m.Case(register.offset >> 2):
                            m.d.sync += slave.rdata.eq(values[register.name])
