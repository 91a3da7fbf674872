"""Where builds are cached, and what names them: a hash of everything that they depend on.

The cache holds what takes long to make and follows from its inputs alone: Verilog, simulators,
netlists, reports of place and route. An entry is named by a hash of those inputs (texts, options,
versions of tools and sources of ours), so it never goes stale and can be deleted at any time.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

_PACKAGE = Path(__file__).parent


def directory() -> Path:
    """The cache: $HWCNN_CACHE, or hwcnn in the user's cache folder ($XDG_CACHE_HOME)."""
    if own := os.environ.get("HWCNN_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwcnn"


def entry(kind: str, name: str, *depends_on: object) -> Path:
    """The place of a file or folder, which may not exist yet.

    kind : folder in the cache. name : first part of the entry's name, for people. depends_on :
    everything that its content follows from, each with a ``repr`` that says all of its value.
    """
    return directory() / kind / f"{name}-{digest(*depends_on)}"


def digest(*depends_on: object) -> str:
    """A hash of values by their ``repr``, in 16 hexadecimal digits."""
    return hashlib.sha256(repr(depends_on).encode()).hexdigest()[:16]


def versions(*packages: str) -> list[str]:
    """Versions of installed packages."""
    return [importlib.metadata.version(package) for package in packages]


def sources(*names: str) -> list[tuple[str, bytes]]:
    """(name, content) of files of the package hwcnn, such as "estimate/lut_multipliers.py"; all
    Python and Verilog files where none is named.
    """
    return [(path.relative_to(_PACKAGE).as_posix(), path.read_bytes()) for path in _paths(names)]


def _paths(names: tuple[str, ...]) -> list[Path]:
    if names:
        return [_PACKAGE / name for name in names]
    return sorted(path for kind in ("py", "v") for path in _PACKAGE.rglob(f"*.{kind}"))


@contextlib.contextmanager
def filling(folder: Path) -> Generator[Path]:
    """A temporary folder that becomes `folder` if the block succeeds.

    Of several processes that make the same entry, the first one wins; the others' is deleted.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="build-", dir=folder.parent))
    try:
        yield fresh
        with contextlib.suppress(OSError):
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write(path: Path, text: str) -> None:
    """Write an entry that is one file, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(path)
