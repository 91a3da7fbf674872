"""What is meant for the user, as one line: the input is at fault, the run itself failed, or there
is something to know.
"""

import difflib
import errno
from collections.abc import Sequence

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class InputError(Exception):
    """Bad input. The command line prints the message as one line and exits with code 2.

    problem : what is wrong, where (file, node), why, and what to do about it. parameter : that of
    the public functions that is to blame, if one is; value : what was given for it. The message
    begins with them ("engine 'x': expected ..."); the command line puts its own option there.
    """

    def __init__(self, problem: str, parameter: str | None = None, value: object = None) -> None:
        super().__init__(problem, parameter, value)
        self.problem, self.parameter, self.value = problem, parameter, value

    def __str__(self) -> str:
        if self.parameter is None:
            return self.problem
        value = "" if self.value is None else f" {str(self.value)!r}"
        return f"{self.parameter}{value}: {self.problem}"


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


def check_range(parameter: str, value: object, low: int, high: int) -> None:
    """InputError where a parameter's value is no whole number from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"expected a whole number from {low} to {high}", parameter, value)


def check_choice(parameter: str, value: str, known: Sequence[str]) -> None:
    """InputError, with the nearest names, where a parameter's value is none of those known."""
    if value not in known:
        near = difflib.get_close_matches(str(value).lower(), known, 2, 0.4)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise InputError(f"{hint}expected one of {', '.join(known)}", parameter, value)


def unwritable(path: object, error: OSError, parameter: str | None = None) -> InputError | RunError:
    """The exception to raise where a path cannot be written: RunError on a full disk, InputError
    otherwise. parameter : that gave the path.
    """
    if error.errno in _FULL:
        return RunError(f"{path}: cannot write: {error.strerror}; free some space and run it again")
    problem = f"cannot write there: {error.strerror}"
    if parameter is None:
        return InputError(f"{path}: {problem}")
    return InputError(problem, parameter, path)
