"""Where the model of a generated folder came from, so that it can be run again in float."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Origin:
    """model : name of a built-in network, or path of an ONNX file. sha256 : of the file, "" of a
    built-in network. shapes : of inputs, as the user gave them.
    """

    model: str
    sha256: str
    shapes: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, model: str, built_in: bool, shapes: Mapping[str, Sequence[int]] | None) -> "Origin":
        """Of a model that is about to be read. Raises OSError where its file cannot be."""
        given = {name: tuple(map(int, shape)) for name, shape in (shapes or {}).items()}
        if built_in:
            return cls(model, "", given)
        path = Path(model).resolve()
        return cls(str(path), _sha256(path), given)

    @property
    def unchanged(self) -> bool:
        """True where the model is still there, and the same."""
        try:
            return not self.sha256 or _sha256(Path(self.model)) == self.sha256
        except OSError:
            return False


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
