"""Tasks as they are told on the command line, and files of labels."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

from hwcnn.errors import InputError
from hwcnn.tasks import TASKS, Task
from hwcnn.typed_values import typed


def read_task(argument: str | Path | Task) -> Task:
    """A task by its name, or by a TOML file with its name as `task` and any of its fields; a task
    itself stays. InputError for others.
    """
    if isinstance(argument, Task):
        return argument
    if str(argument) in TASKS:
        return TASKS[str(argument)]()
    path = Path(argument)
    if path.suffix != ".toml":
        raise InputError(f"expected one of {', '.join(TASKS)}, or a .toml file", "task", argument)
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise InputError(
            f"cannot read it: {getattr(e, 'strerror', None) or e}", "task", path
        ) from e
    name = values.pop("task", None)
    if name not in TASKS:
        raise InputError(f"task = {name!r}: expected one of {', '.join(TASKS)}", "task", path)
    kind = TASKS[name]
    known = [f.name for f in fields(kind)]
    if unknown := sorted(set(values) - set(known)):
        raise InputError(
            f"unknown key {unknown[0]!r}: {name} has {', '.join(known) or 'none'}", "task", path
        )
    hints = get_type_hints(kind)
    try:
        return kind(**{key: typed(hints[key], value, key) for key, value in values.items()})
    except (ValueError, InputError) as e:
        raise InputError(str(e), "task", path) from e


def read_labels(path: str | Path) -> tuple[str, ...]:
    """The names of classes, a line each. InputError where there are none."""
    try:
        lines = Path(path).read_text().rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(
            f"cannot read it: {getattr(e, 'strerror', None) or e}", "labels", path
        ) from e
    if not lines:
        raise InputError("it is empty: expected the name of a class in each line", "labels", path)
    return tuple(line.strip() for line in lines)
