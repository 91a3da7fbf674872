"""What ends a command: its exit code, and why in one line."""

import errno
import traceback
from pathlib import Path

from hwcnn.errors import InputError, RunError

from .arguments import message

#: Shows the Python traceback of a failure too, where it is set.
TRACEBACK = "HWCNN_TRACEBACK"
#: What a path on the command line, rather than the machine, is to blame for.
_BAD_PATH = {errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


def failure(error: Exception) -> tuple[int, str]:
    """(exit code, message) of an exception."""
    if isinstance(error, InputError):
        return 2, message(error)
    if isinstance(error, RunError):
        return 3, str(error)
    if shown := getattr(error, "format_message", None):  # typer's, of wrong usage
        return 2, shown()
    if isinstance(error, MemoryError):
        return 3, f"out of memory: {error or 'the network is too large for this machine'}"
    if isinstance(error, OSError) and error.errno:
        return (
            2 if error.errno in _BAD_PATH else 3,
            f"{error.filename or 'cannot read or write'}: {error.strerror}",
        )
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}, in {frame.name}"
    return 3, (
        f"internal error: {type(error).__name__}: {error} ({where}); this is a defect of hwcnn: "
        f"please report it; {TRACEBACK}=1 shows the traceback"
    )
