"""The ports of the accelerator's AXI4 master."""

from amaranth.lib.wiring import In, Member, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.host.registers import READ_CLIENTS

ID_BITS = bits_for(len(READ_CLIENTS))


def axi_members(config: AccelConfig) -> dict[str, Member]:
    """Members of an AXI4 master with the data width of the configuration, by the names of the
    specification.
    """
    address = {
        "id": Out(ID_BITS),
        "addr": Out(32),
        "len": Out(8),
        "size": Out(3),
        "burst": Out(2),
        "cache": Out(4),
        "prot": Out(3),
        "valid": Out(1),
        "ready": In(1),
    }
    bits = 8 * config.axi_bytes
    return (
        {f"ar{n}": s for n, s in address.items()}
        | {f"aw{n}": s for n, s in address.items()}
        | {
            "rid": In(ID_BITS),
            "rdata": In(bits),
            "rresp": In(2),
            "rlast": In(1),
            "rvalid": In(1),
            "rready": Out(1),
            "wdata": Out(bits),
            "wstrb": Out(config.axi_bytes),
            "wlast": Out(1),
            "wvalid": Out(1),
            "wready": In(1),
            "bid": In(ID_BITS),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
        }
    )
