"""A generated folder: how it is written in one step, which one is the last, and how it is read back
and checked.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from . import cache
from .errors import InputError, RunError, unwritable
from .manifest import File, Manifest, program_files

#: Where the last generated folder is remembered, below the current one.
LAST = Path("build/.last")
MANIFEST = "manifest.json"
QUANTIZED, VERILOG = "quantized.onnx", "accelerator.v"


@contextlib.contextmanager
def claimed(out: Path) -> Generator[None]:
    """Hold a folder to write to. InputError where another process (or thread) does so, or where it
    exists and is not one of ours, or cannot be made.
    """
    check_out(out)
    path = cache.entry("locks", "folder", str(out.resolve()))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout as e:
        problem = "another `hwcnn generate` is writing there; nothing was changed"
        raise InputError(problem, "out", out) from e


def write(out: Path, files: Mapping[str, str | bytes], manifest: Manifest) -> None:
    """Write the folder `out`, which is `claimed`. files : by name.

    A new folder appears in one step. In one that exists, the files of `files` and of the manifest
    there are replaced, each in one step and the manifest last; all others stay as they are.

    Raises InputError where `out` cannot be written or is not ours to replace, RunError on a full
    disk; `out` is then unchanged.
    """
    data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    written = {name: File(len(content), _sha256(content)) for name, content in data.items()}
    data[MANIFEST] = replace(manifest, files=written).to_json().encode()
    try:
        target = out.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
            fresh = Path(scratch) / target.name
            fresh.mkdir()
            for name, content in data.items():
                (fresh / name).write_bytes(content)
            check_out(out)
            if target.exists():
                _replace(target, fresh, list(data))
            else:
                fresh.rename(target)
    except OSError as e:
        raise unwritable(out, e, "out") from e


def _replace(out: Path, fresh: Path, names: list[str]) -> None:
    """Put the files of `fresh` into `out`, and remove those that an earlier generation left."""
    if folders := [name for name in names if (out / name).is_dir()]:
        raise InputError(f"{folders[0]} in it is a folder; nothing was changed", "out", out)
    before = _files_of(out)
    for name in names:
        (fresh / name).replace(out / name)
    for name in before - set(names):
        (out / name).unlink(missing_ok=True)


def _files_of(out: Path) -> set[str]:
    """The files that the manifest of a folder says are ours; none where it cannot be read."""
    try:
        return set(Manifest.from_json((out / MANIFEST).read_text(), MANIFEST).files)
    except (OSError, UnicodeDecodeError, RunError):
        return set()


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


def remember(out: Path) -> None:
    """Make `out` the folder generated last."""
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

    manifest : what it holds. programs : bytes of each. weights : of each program, uint8 [bytes].
    quantized : the whole QDQ model, quantized.onnx. host : the ONNX model of each step of the host.
    verilog : of the accelerator.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = self._manifest()
        self.programs: list[bytes] = []
        self.weights: list[np.ndarray] = []
        for number in range(len(self.manifest.programs)):
            program, weights = map(self._file, program_files(number))
            self.programs.append(program)
            self.weights.append(np.frombuffer(weights, np.uint8))
        self.quantized = self._file(QUANTIZED)
        self.host = [self._file(step.file) for step in self.manifest.steps if step.on_host]
        self.verilog = self._file(VERILOG).decode()

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
