"""The tiles that an instruction of the vector engine reads and writes."""

from amaranth import Module, Signal, Value
from amaranth.lib import wiring

from hwcnn import isa
from hwcnn.rtl.layouts import READ_LAYOUT, WRITE_LAYOUT
from hwcnn.rtl.lib.delay import output_register

from .fields import flag


def hand_on(m: Module, core: wiring.Component, take: Value) -> Value:
    """Hands the instruction's descriptors on, those of its operands ahead of time; returns:
    room for that of the writer.
    """
    new, sent, write = core.i.payload, [], output_register(m, core.write.payload)
    # The instruction is there for the second cycle at least, and what it wants of B is decoded.
    decoded, with_b, broadcast = Signal(), Signal(), Signal()
    m.d.sync += [
        decoded.eq(core.i.valid & ~take),
        broadcast.eq(new.b_mode == isa.B_BROADCAST),
        with_b.eq(
            (flag(core.config, new, "b_mode") != isa.B_NONE) & ~flag(core.config, new, "lrn")
        ),
    ]
    for descriptor, wanted in ((core.read_a, core.i.valid), (core.read_b, decoded & with_b)):
        gone = Signal(name=f"sent{len(sent)}")
        m.d.comb += descriptor.valid.eq(wanted & ~gone)
        with m.If(descriptor.valid & descriptor.ready):
            m.d.sync += gone.eq(1)
        with m.If(take):
            m.d.sync += gone.eq(0)
        sent.append(gone)
    with m.If(take):
        m.d.sync += [
            core.write.valid.eq(1),
            *(write[n].eq(new[n]) for n in WRITE_LAYOUT.members),
        ]
    with m.Elif(core.write.ready):
        m.d.sync += core.write.valid.eq(0)
    m.d.comb += [core.read_a.payload[n].eq(new[n]) for n in READ_LAYOUT.members]
    b = core.read_b.payload
    m.d.comb += [b[n].eq(new[n]) for n in READ_LAYOUT.members]
    m.d.comb += [b.addr.eq(new.b_addr), b.blk_stride.eq(new.b_blk_stride)]
    with m.If(broadcast):
        m.d.comb += [b.n_rows.eq(1), b.n_cols.eq(1)]
    return decoded & sent[0] & (sent[1] | ~with_b) & ~core.write.valid
