"""External tools: whether they are installed, and how they are run."""

import importlib.metadata
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hwcnn import cache
from hwcnn.errors import InputError, RunError
from hwcnn.results import Progress, silent


def require(package: str) -> None:
    """Raise InputError if a package is not installed."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as e:
        raise InputError(f"{package} is not installed: pip install 'hwcnn[synth]'") from e


def run(
    command: Sequence[str], log: Path, folder: Path | None = None, progress: Progress = silent
) -> None:
    """Run a command.

    Parameters
    ----------
    log : gets all that it says; named after the tool.
    folder : where it runs; None: here.
    progress : told each line of its stderr.

    Raises RunError where it fails, with its own error; the log is kept in the cache.
    """
    with (
        open(log, "w") as out,
        subprocess.Popen(
            command, stdout=out, stderr=subprocess.PIPE, text=True, cwd=folder
        ) as process,
    ):
        for line in process.stderr or ():
            progress(line.strip())
            out.write(line)
            out.flush()
    if process.returncode:
        kept = cache.directory() / f"{log.stem}-failed.log"
        text = log.read_text(errors="replace")
        kept.write_text(text)
        lines = (
            [line for line in text.splitlines() if "ERROR" in line or "Error" in line]
            or text.splitlines()[-1:]
            or ["it said nothing"]
        )
        raise RunError(
            f"{log.stem} failed with exit code {process.returncode}: {lines[-1][:300]}; "
            f"the whole log: {kept}"
        )
