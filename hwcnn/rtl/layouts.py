"""Payload layouts and port signatures that the blocks share; all derive from the configuration and
the ISA table.
"""

from collections.abc import Iterable

from amaranth import Cat, Module, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.bitfields import Field
from hwcnn.config import AccelConfig
from hwcnn.rtl.lib.roundclamp import SHIFT_LAYOUT, split_shift


def fields_layout(fields: Iterable[Field]) -> data.StructLayout:
    """The layout of fields of the ISA's tables: packed from bit 0, the first in the lowest bits."""
    return data.StructLayout(
        {f.name: signed(f.bits) if f.signed else unsigned(f.bits) for f in fields}
    )


def instruction_layout(instruction: isa.Instruction) -> data.StructLayout:
    """The payload of an instruction."""
    return fields_layout(instruction.fields)


#: A tile read from DRAM, as LOAD and VECTOR describe it.
READ_LAYOUT = fields_layout(isa.READ)
#: A tile written to DRAM, as POST and VECTOR describe it, and its number of blocks.
WRITE_LAYOUT = data.StructLayout({"n_blk": unsigned(16)} | dict(fields_layout(isa.WRITE).members))
COUNTS_LAYOUT = data.ArrayLayout(unsigned(isa.WAIT_BITS), len(isa.COUNTERS))


def read_port(config: AccelConfig) -> wiring.Signature:
    """A client's side of the AXI read multiplexer.

    request : one burst, ``length`` beats (1 to 256) from ``addr`` (aligned to a beat), not crossing
    4 KiB.
    low_priority : with the request: the beats are not needed soon, other clients go first.
    data : its beats, in order of the requests. The client requests only what it has room for:
    ``data.ready`` is high whenever a beat can arrive, so the bus never waits for a client.
    """
    return wiring.Signature(
        {
            "request": Out(stream.Signature(data.StructLayout({"addr": 32, "length": 9}))),
            "low_priority": Out(1),
            "data": In(stream.Signature(8 * config.axi_bytes)),
        }
    )


def write_port(config: AccelConfig) -> wiring.Signature:
    """A client's side of the AXI write multiplexer.

    request : one burst as in `read_port`; the client has all its data at hand when it requests.
    data : beats in order of the requests; ``last`` ends a burst. ``data.valid`` is high while beats
    are left of bursts whose requests have been taken, so that nobody has to look at it. response :
    pulses once a burst when memory has acknowledged it (B channel).
    """
    return wiring.Signature(
        {
            "request": Out(stream.Signature(data.StructLayout({"addr": 32, "length": 9}))),
            "data": Out(
                stream.Signature(
                    data.StructLayout(
                        {"data": 8 * config.axi_bytes, "strobe": config.axi_bytes, "last": 1}
                    )
                )
            ),
            "response": In(1),
        }
    )


def ram_write_port(width: int, addr: int) -> wiring.Signature:
    """``data`` is written to ``addr`` in a cycle with ``en``."""
    return wiring.Signature({"en": Out(1), "addr": Out(addr), "data": Out(width)})


def ram_read_port(width: int, addr: int) -> wiring.Signature:
    """``data`` is valid one cycle after ``en`` and holds while ``en`` is low."""
    return wiring.Signature({"en": Out(1), "addr": Out(addr), "data": In(width)})


def param_port(config: AccelConfig) -> wiring.Signature:
    """What the parameter engine writes, one AXI beat at a time, no back-pressure.

    dest, index : of the instruction; offset : beat number within the instruction; data : the beat.
    """
    return wiring.Signature(
        {
            "en": Out(1),
            "dest": Out(4),
            "index": Out(16),
            "offset": Out(16),
            "data": Out(8 * config.axi_bytes),
        }
    )


def wire_params(m: Module, source: wiring.PureInterface, block: wiring.Component) -> None:
    """Hands the beats of `param_port` on to a block's `params`."""
    m.d.comb += [getattr(block.params, n).eq(getattr(source, n)) for n in source.signature.members]


#: One channel's parameters as they are in DRAM, and as RAMs hold them: with the shift split.
PARAM_LAYOUT = fields_layout(isa.CHANNEL.fields)
PARAM_RAM_LAYOUT = data.StructLayout(dict(PARAM_LAYOUT.members) | {"shift": SHIFT_LAYOUT})
VECTOR_PARAM_LAYOUT = fields_layout(isa.VECTOR_CHANNEL.fields)


def to_ram_format(word: Value) -> Value:
    """The bits of `PARAM_RAM_LAYOUT` for a word of `PARAM_LAYOUT`."""
    param = data.View(PARAM_LAYOUT, word)
    return Cat(param.bias, param.mantissa, split_shift(param.shift))
