"""A generated folder: how it is written in one step, which one is the last, and how it is read back
and checked.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx

from hwcnn.frontend.importer.qdq_to_ir import import_graph

from .config import AccelConfig
from .errors import InputError, RunError, unwritable
from .preprocess import Preprocess

#: Where the last generated folder is remembered, below the current one.
LAST = Path("build/.last")
#: Of what the folder holds and of the manifest's keys; folders of any other are refused.
FORMAT = 2
MANIFEST = "manifest.json"
#: Files whose size and SHA-256 the manifest holds, and that are checked when they are read.
CHECKED = ("accelerator.v", "program.bin", "weights.bin", "quantized.onnx")


def write(out, files, manifest):
    """Write the folder `out` in one step. files : name to bytes or text, CHECKED among them.
    manifest : JSON-able dict.

    Raises InputError where `out` cannot be written or is not ours to replace, RunError on a full
    disk; `out` is then unchanged.
    """
    data = {
        name: text.encode() if isinstance(text, str) else bytes(text)
        for name, text in files.items()
    }
    checked = {name: {"size": len(data[name]), "sha256": sha256(data[name])} for name in CHECKED}
    manifest = json.loads(json.dumps(manifest | {"format": FORMAT, "files": checked}))
    manifest |= {"sha256": _digest(manifest)}
    with _replacing(out) as folder:
        for name, content in data.items():
            (folder / name).write_bytes(content)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def _digest(manifest):
    """SHA-256 of a manifest without its own entry for that, whatever its layout in the file."""
    return sha256(
        json.dumps({k: v for k, v in manifest.items() if k != "sha256"}, sort_keys=True).encode()
    )


def check_out(out):
    """InputError if a folder to write to exists and is not one of ours, or if it cannot be made."""
    try:
        above = next(p for p in out.absolute().parents if p.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            raise InputError(
                f"--out {out}: cannot write there: {above} is no folder that may be written to"
            )
        ours = not out.exists() or (
            out.is_dir() and ((out / MANIFEST).is_file() or not any(out.iterdir()))
        )
    except OSError as e:
        raise unwritable(f"--out {out}", e) from e
    if not ours:
        raise InputError(
            f"--out {out}: it exists and is not a generated folder; nothing was changed"
        )


@contextlib.contextmanager
def _replacing(out):
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
        raise unwritable(f"--out {out}", e) from e
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def remember(out):
    with contextlib.suppress(OSError):
        LAST.parent.mkdir(parents=True, exist_ok=True)
        LAST.write_text(str(out.resolve()))


def last():
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
    """

    def __init__(self, path):
        self.path = Path(path)
        self.manifest = self._manifest()
        self.config = AccelConfig.from_dict(self.manifest["config"])
        self.preprocess = Preprocess.from_dict(self.manifest["preprocess"])
        self._files = {name: self._file(name) for name in CHECKED}

    def _manifest(self):
        if not self.path.is_dir():
            raise InputError(
                f"{self.path}: {'not a' if self.path.exists() else 'no such'} folder: expected one that `hwcnn generate` wrote"
            )
        if not (self.path / MANIFEST).is_file():
            raise InputError(
                f"{self.path}: not a folder that `hwcnn generate` wrote: it has no {MANIFEST}"
            )
        try:
            manifest = json.loads((self.path / MANIFEST).read_text())
        except (OSError, ValueError, RecursionError) as e:
            raise RunError(
                f"{self.path / MANIFEST}: damaged, it cannot be read ({e}): generate the folder anew"
            ) from e
        found = (
            manifest.get("format", "older, without a number")
            if isinstance(manifest, dict)
            else "unknown"
        )
        if found != FORMAT:
            raise RunError(
                f"{self.path / MANIFEST}: its format is {str(found)[:40]}, this hwcnn reads {FORMAT}: generate the folder anew"
            )
        if manifest.get("sha256") != _digest(manifest):
            raise RunError(
                f"{self.path / MANIFEST}: changed since it was written, its own SHA-256 is another: generate the folder anew"
            )
        return manifest

    def _file(self, name):
        """The bytes of a file, which must be those that were written. RunError otherwise."""
        path, wanted = self.path / name, self.manifest["files"][name]
        try:
            size = path.stat().st_size
            data = path.read_bytes() if size == wanted["size"] else None
        except OSError as e:
            raise RunError(f"{path}: cannot be read: {e.strerror}: generate the folder anew") from e
        if data is None:
            raise RunError(
                f"{path}: damaged: {size} bytes, expected {wanted['size']}: generate the folder anew"
            )
        if sha256(data) != wanted["sha256"]:
            raise RunError(
                f"{path}: damaged or of another folder: its SHA-256 begins with {sha256(data)[:12]}, "
                f"expected {wanted['sha256'][:12]}: generate the folder anew"
            )
        return data

    @cached_property
    def _model(self):
        return onnx.ModelProto.FromString(self._files["quantized.onnx"])

    @cached_property
    def graph(self):
        """The integer graph of quantized.onnx: what golden runs."""
        return import_graph(self._model, self.manifest["batch"])

    @property
    def unsigned_inputs(self):
        """Names of the inputs that are uint8 in the ONNX model: quantised values, 128 above those
        of the accelerator.
        """
        return {
            i.name
            for i in self._model.graph.input
            if i.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        }

    @property
    def program(self):
        return self._files["program.bin"]

    @property
    def weights(self):
        """uint8 [bytes]"""
        return np.frombuffer(self._files["weights.bin"], np.uint8)

    @property
    def verilog(self):
        return self._files["accelerator.v"].decode()
