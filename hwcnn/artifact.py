"""A generated folder: how it is written in one step, which one is the last, and how it is read back
and checked.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from .errors import InputError, RunError, unwritable
from .manifest import File, Manifest

#: Where the last generated folder is remembered, below the current one.
LAST = Path("build/.last")
MANIFEST = "manifest.json"
#: Files whose size and SHA-256 the manifest holds, and that are checked when they are read.
CHECKED = ("accelerator.v", "program.bin", "weights.bin", "quantized.onnx")


def write(out: Path, files: Mapping[str, str | bytes], manifest: Manifest) -> None:
    """Write the folder `out` in one step. files : by name, CHECKED among them.

    Raises InputError where `out` cannot be written or is not ours to replace, RunError on a full
    disk; `out` is then unchanged.
    """
    data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    checked = {name: File(len(data[name]), _sha256(data[name])) for name in CHECKED}
    with _replacing(out) as folder:
        for name, content in data.items():
            (folder / name).write_bytes(content)
        (folder / MANIFEST).write_text(replace(manifest, files=checked).to_json())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_out(out: Path) -> None:
    """InputError if a folder to write to exists and is not one of ours, or if it cannot be made."""
    try:
        above = next(p for p in out.absolute().parents if p.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            raise InputError(
                f"cannot write there: {above} is no folder that may be written to", "out", out
            )
        ours = not out.exists() or (
            out.is_dir() and ((out / MANIFEST).is_file() or not any(out.iterdir()))
        )
    except OSError as e:
        raise unwritable(out, e, "out") from e
    if not ours:
        raise InputError("it exists and is not a generated folder; nothing was changed", "out", out)


@contextlib.contextmanager
def _replacing(out: Path) -> Generator[Path]:
    """A temporary folder that takes the place of `out` once the block succeeds."""
    scratch = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        scratch.chmod(0o755)
        yield scratch
        check_out(out)
        if out.exists():
            shutil.rmtree(out)
        scratch.rename(out)
    except OSError as e:
        raise unwritable(out, e, "out") from e
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def remember(out: Path) -> None:
    with contextlib.suppress(OSError):
        LAST.parent.mkdir(parents=True, exist_ok=True)
        LAST.write_text(str(out.resolve()))


def last() -> Path:
    """The folder generated last; InputError if there is none."""
    try:
        return Path(LAST.read_text())
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(
            "no folder was given, and none has been generated here: run `hwcnn generate` first"
        ) from e


class Generated:
    """A generated folder, read back. Raises InputError where it is none, RunError where it is
    damaged or of another format.

    manifest : what it holds. program : program.bin. weights : uint8 [bytes] of weights.bin.
    quantized : the QDQ model that was compiled, quantized.onnx. verilog : of the accelerator.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = self._manifest()
        files = {name: self._file(name) for name in CHECKED}
        self.program = files["program.bin"]
        self.weights = np.frombuffer(files["weights.bin"], np.uint8)
        self.quantized = files["quantized.onnx"]
        self.verilog = files["accelerator.v"].decode()

    def _manifest(self) -> Manifest:
        if not self.path.is_dir():
            kind = "not a" if self.path.exists() else "no such"
            raise InputError(
                f"{self.path}: {kind} folder: expected one that `hwcnn generate` wrote"
            )
        path = self.path / MANIFEST
        if not path.is_file():
            raise InputError(
                f"{self.path}: not a folder that `hwcnn generate` wrote: it has no {MANIFEST}"
            )
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as e:
            raise RunError(
                f"{path}: damaged, it cannot be read ({e}): generate the folder anew"
            ) from e
        return Manifest.from_json(text, path)

    def _file(self, name: str) -> bytes:
        """The bytes of a file, which must be those that were written. RunError otherwise."""
        path, wanted = self.path / name, self.manifest.files.get(name)
        if wanted is None:
            raise RunError(f"{path}: not in the manifest: generate the folder anew")
        try:
            size = path.stat().st_size
            data = path.read_bytes() if size == wanted.size else None
        except OSError as e:
            raise RunError(f"{path}: cannot be read: {e.strerror}: generate the folder anew") from e
        if data is None:
            raise RunError(
                f"{path}: damaged: {size} bytes, expected {wanted.size}: generate the folder anew"
            )
        if (found := _sha256(data)) != wanted.sha256:
            raise RunError(
                f"{path}: damaged or of another folder: its SHA-256 begins with {found[:12]}, "
                f"expected {wanted.sha256[:12]}: generate the folder anew"
            )
        return data
