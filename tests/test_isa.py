"""Instructions and channel parameters as bytes, against bytes written by hand."""

import pytest

from hwcnn import isa


def test_an_instruction():
    values = dict(dest=3, addr=0x11223344, index=0x5566, n_beats=0x7788)
    code = isa.encode(isa.PARAM, {"post": 0x12345, "vstore": 1}, **values)
    header = 3 | 0x12345 << (8 + 2 * 20) | 1 << (8 + 4 * 20)
    payload = 3 | 0x11223344 << 4 | 0x5566 << 36 | 0x7788 << 52
    assert code == (header | payload << 128).to_bytes(32, "little")
    assert isa.decode(b"\0" * 16 + code, 16) == (
        isa.PARAM,
        {"post": 0x12345, "vstore": 1},
        values,
        32,
    )


@pytest.mark.parametrize(
    "waits,message",
    [
        ({"load": 1}, "param: cannot wait for load"),
        ({"post": 1 << 20}, f"param: wait for post = {1 << 20} is out of range"),
    ],
)
def test_refused_waits(waits, message):
    with pytest.raises(ValueError) as error:
        isa.encode(isa.PARAM, waits, dest=0, addr=0, index=0, n_beats=1)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "program,message",
    [
        (b"", "the program ends after byte 0 without an END"),
        (b"\xee" + bytes(15), "no instruction has opcode 238 (byte 0 of the program)"),
        (b"\x03" + bytes(15), "the program ends after byte 16, within PARAM"),
    ],
)
def test_refused_programs(program, message):
    with pytest.raises(ValueError) as error:
        isa.decode(program)
    assert str(error.value) == message


def test_groups_of_fields():
    """A tile is described alike wherever it is read or written."""
    assert isa.LOAD.fields[: len(isa.READ)] == isa.VECTOR.fields[: len(isa.READ)] == isa.READ
    assert isa.POST.fields[-len(isa.WRITE) :] == isa.VECTOR.fields[-len(isa.WRITE) :] == isa.WRITE
    assert [f.name for f in isa.WRITE] == [
        "out_addr",
        "out_blk_stride",
        "out_row_stride",
        "out_pix_stride",
        "out_rows",
        "out_cols",
    ]


def test_channel_parameters():
    word = isa.CHANNEL.pack({"bias": -2, "mantissa": -3, "shift": 47})
    assert word == 0xFFFFFFFE | (0x40000 - 3) << 32 | 47 << 50
    assert isa.CHANNEL.bits <= 8 * isa.CHANNEL_BYTES
