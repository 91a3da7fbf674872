"""The registers on AXI4-Lite: one response for each request, stable until it is taken, and none
that takes without end.
"""

from amaranth import Value
from harness import Mutant, Proof

from hwcnn.config import AccelConfig
from hwcnn.rtl.host.control import Control


def control(h):
    m, dut = h.m, h.add("dut", Control(AccelConfig()))
    for name, member in dut.signature.members.items():
        if member.flow.flip() == member.flow.__class__.Out:  # an input
            value = Value.cast(getattr(dut, name))
            m.d.comb += value.eq(h.any(name, len(value)))
    for channel, payload in (
        ("aw", (dut.awaddr,)),
        ("w", (dut.wdata, dut.wstrb)),
        ("ar", (dut.araddr,)),
    ):
        valid, ready = getattr(dut, f"{channel}valid"), getattr(dut, f"{channel}ready")
        held = h.past(valid & ~ready)
        h.assume(~held | valid)
        for value in payload:
            h.assume(~held | (value == h.past(value)))

    # Requests of which no response has been taken: reads, addresses and data of writes.
    reads, addresses, data = (h.register(name, 3) for name in ("reads", "addresses", "data"))
    answered, written = dut.rvalid & dut.rready, dut.bvalid & dut.bready
    m.d.sync += [
        reads.eq(reads + (dut.arvalid & dut.arready) - answered),
        addresses.eq(addresses + (dut.awvalid & dut.awready) - written),
        data.eq(data + (dut.wvalid & dut.wready) - written),
    ]
    h.prove(
        "a read's answer stays",
        ~h.past(dut.rvalid & ~dut.rready) | dut.rvalid & (dut.rdata == h.past(dut.rdata)),
    )
    h.prove("a write's response stays", ~h.past(dut.bvalid & ~dut.bready) | dut.bvalid)
    h.prove("an answer only to a read", ~dut.rvalid | (reads == 1))
    h.prove("a response only to a write", ~dut.bvalid | (addresses != 0) & (data != 0))
    h.prove("one read at a time", reads <= 1)
    h.prove("two writes at most", (addresses <= 2) & (data <= 2))
    h.prove("all responses are OKAY", (dut.rresp == 0) & (dut.bresp == 0))
    h.prove("reads are answered", h.waits((reads != 0) & ~dut.rvalid, 14) <= 12)
    h.prove("writes are answered", h.waits((addresses != 0) & (data != 0) & ~dut.bvalid, 6) <= 4)
    h.prove("takes a read", h.waits(~dut.arready & (reads == 0), 3) <= 2)
    # The engines finish once a run, and not when a reset has stopped it.
    running = h.register("running")
    m.d.sync += running.eq((dut.start | running) & ~dut.finished & ~dut.soft_reset)
    h.assume(~dut.finished | running)
    h.prove("starts only when the run before is over", ~dut.start | ~running)
    h.prove("no start during a reset", ~dut.start | ~dut.soft_reset)
    h.prove(
        "soft reset is a pulse while draining",
        ~dut.soft_reset | ~h.past(dut.soft_reset) & h.past(dut.drain),
    )
    h.prove("a reset ends", h.waits(dut.drain & dut.drained, 7) <= 5)
    h.reach("a run is started", dut.start)
    h.reach("two reads", answered & h.ever(answered))


PROOFS = [
    Proof(
        "Control",
        control,
        {},
        (
            Mutant(
                "host/axi_lite.py",
                "slave.arready.eq(~pending & ~slave.rvalid)",
                "slave.arready.eq(~pending)",
                "an answer only to a read",
            ),
            Mutant(
                "host/control.py",
                "wanted.eq((waits | (start & ~busy)) & ~reset)",
                "wanted.eq((waits | start) & ~reset)",
                "starts only when the run before is over",
            ),
        ),
    ),
]
