"""Where the command line writes: results on stdout, progress and messages on stderr."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rich.console import Console, RenderableType

stdout, stderr = Console(), Console(stderr=True)


@contextlib.contextmanager
def progress(quiet: bool = False) -> Iterator[Callable[[str], object]]:
    """A function that shows what is being done."""
    if not stderr.is_terminal or quiet:
        yield lambda text: None
        return
    with stderr.status("") as status:
        yield status.update


def result(as_json: bool, values: dict[str, Any], table: Iterable[RenderableType]) -> None:
    """Print a JSON object, or what stands for it as text."""
    if as_json:
        sys.stdout.write(json.dumps(values) + "\n")
    else:
        for part in table:
            stdout.print(part, highlight=False)
