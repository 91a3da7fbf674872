"""Waves in FST, a tenth of the size of VCD: Verilator's VCD, converted with GTKWave's own writer
(package pylibfst).
"""

from pathlib import Path
from typing import Any, BinaryIO

from pylibfst import ffi, lib

from hwcnn.errors import RunError

#: (FST handle, bits) by VCD identifier.
Signals = dict[bytes, tuple[int, int]]


class FstError(RunError):
    """The file cannot be written."""


def convert(vcd: Path, fst: Path) -> None:
    """Write the waves of file `vcd`, as Verilator makes it, to file `fst`. Raises FstError where
    that file cannot be created.
    """
    writer = lib.fstWriterCreate(str(fst).encode(), 1)
    if writer == ffi.NULL:
        raise FstError(f"{fst}: cannot be written")
    lib.fstWriterSetPackType(writer, lib.FST_WR_PT_LZ4)
    try:
        with open(vcd, "rb") as lines:
            _changes(lines, writer, _header(lines, writer))
    finally:
        lib.fstWriterClose(writer)


def _header(lines: BinaryIO, writer: Any) -> Signals:
    """Write scopes and variables. Signals that share an identifier are aliases."""
    signals: Signals = {}
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == b"$timescale":
            lib.fstWriterSetTimescaleFromString(writer, words[1])
        elif words[0] == b"$scope":
            lib.fstWriterSetScope(writer, lib.FST_ST_VCD_MODULE, words[2], ffi.NULL)
        elif words[0] == b"$upscope":
            lib.fstWriterSetUpscope(writer)
        elif words[0] == b"$var":
            bits, code, name = int(words[2]), words[3], b" ".join(words[4:-1])
            known = signals.get(code, (0, bits))[0]
            handle = lib.fstWriterCreateVar(
                writer, lib.FST_VT_VCD_WIRE, lib.FST_VD_IMPLICIT, bits, name, known
            )
            signals.setdefault(code, (handle, bits))
        elif words[0] == b"$enddefinitions":
            break
    return signals


def _changes(lines: BinaryIO, writer: Any, signals: Signals) -> None:
    emit, at = lib.fstWriterEmitValueChange, lib.fstWriterEmitTimeChange
    for line in lines:
        kind = line[:1]
        if kind == b"#":
            at(writer, int(line[1:]))
        elif kind == b"b":
            value, code = line[1:].split()
            handle, bits = signals[code]
            emit(writer, handle, value.rjust(bits, b"0"))
        elif kind in (b"0", b"1", b"x", b"z"):
            emit(writer, signals[line[1:].strip()][0], kind)
