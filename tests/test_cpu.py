"""Whether a processor has VNNI is read from /proc/cpuinfo."""

import platform

import pytest

from hwcnn import cpu


@pytest.mark.parametrize(
    "text,machine,lacks",
    [
        ("flags\t\t: fpu avx avx2\n", "x86_64", True),
        ("flags\t\t: fpu avx2 avx512_vnni\n", "x86_64", False),
        ("flags\t\t: avx2 avx_vnni\n", "x86_64", False),
        ("Features\t: asimd\n", "aarch64", False),
        ("", "x86_64", False),
    ],
)
def test_vnni(tmp_path, monkeypatch, text, machine, lacks):
    monkeypatch.setattr(cpu, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert not cpu.lacks_vnni()  # no such file
    cpu.CPUINFO.write_text(text)
    assert cpu.lacks_vnni() == lacks
