"""What the processor that runs this can do."""

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
_VNNI = {"avx512_vnni", "avx_vnni", "avx_vnni_int8"}


def lacks_vnni() -> bool:
    """True of an x86 processor without VNNI, instructions that add products of int8 to 32 bits.

    There, onnxruntime's optimised int8 kernels add pairs of products to 16 bits, which saturate
    (VPMADDUBSW; "Quantize ONNX models" in its documentation). False where it is not known.
    """
    if platform.machine().lower() not in ("x86_64", "amd64") or not CPUINFO.exists():
        return False
    lines = CPUINFO.read_text().splitlines()
    flags = next((line.split(":")[1].split() for line in lines if line.startswith("flags")), None)
    return flags is not None and not _VNNI.intersection(flags)
