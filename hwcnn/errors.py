"""What is meant for the user, as one line: the input is at fault, the run itself failed, or there
is something to know.
"""

import errno

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class InputError(Exception):
    """Bad input. The command line prints the message as one line and exits with code 2.

    The message says what is wrong, where (file, node, option), why, and what to do about it.
    """


class RunError(Exception):
    """The run itself failed: a broken folder, a simulator that hangs or a tool that fails, a full
    disk. Exit code 3.

    The message says what failed, where, and what to do about it. It is no mismatch (exit code 1)
    and no fault of the options.
    """


class Note(UserWarning):
    """Something of the input that was left out or assumed. The command line shows it as one line,
    if all else goes well.
    """


def unwritable(what: object, error: OSError) -> InputError | RunError:
    """The exception to raise where `what` (a path) cannot be written: RunError on a full disk,
    InputError otherwise.
    """
    if error.errno in _FULL:
        return RunError(f"{what}: cannot write: {error.strerror}; free some space and run it again")
    return InputError(f"{what}: cannot write there: {error.strerror}")
