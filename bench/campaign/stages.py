"""Failures of a case, told from refusals."""

import re
import traceback
from pathlib import Path

from hwcnn.errors import InputError


class Refused(Exception):
    """The network or configuration is outside of what the tool takes, as it said in one line."""

    def __init__(self, stage, error):
        super().__init__(f"{stage}: {reason(str(error))}")


class Failure(Exception):
    """Something is wrong. signature : the same for the same defect, as far as can be told."""

    def __init__(self, signature, detail=""):
        super().__init__(signature)
        self.signature, self.detail = signature, detail


def reason(text):
    """A message without names and numbers, to count with."""
    text = re.sub(r"'[^']*'", "'..'", " ".join(text.split()))
    text = re.sub(r"\b[A-Za-z]+\d+(_\d+)?(/\S+|_\w+)*", "..", text)
    return re.sub(r"-?\d[\d.e+-]*", "#", text)[:160]


class stage:
    """A context that turns InputError into `Refused`, and every other exception into `Failure`."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None or isinstance(error, Failure | Refused | KeyboardInterrupt):
            return False
        if isinstance(error, InputError):
            raise Refused(self.name, error) from error
        if not isinstance(error, Exception):
            return False
        frames = traceback.extract_tb(trace)
        own = next((f for f in reversed(frames) if "/hwcnn/" in f.filename), frames[-1])
        where = f"{Path(own.filename).name}:{own.name}"
        raise Failure(
            f"{self.name}: {kind.__name__} in {where}: {reason(str(error))}",
            "".join(traceback.format_exception(kind, error, trace))[-3000:],
        ) from error
