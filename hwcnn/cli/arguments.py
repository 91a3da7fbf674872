"""What is parsed of the command line beyond what typer does, and how options are called in
messages.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from hwcnn.errors import InputError

#: Options that take several files after one another.
_FILES = ("--input", "--calibrate")
#: Parameters of the public functions whose option has another name than they.
_OPTIONS = {"folder": "DIR", "inputs": "--input", "shapes": "--shape"}


def message(error: InputError) -> str:
    """What an InputError says, with the option in the place of the parameter that it names."""
    if error.parameter is None:
        return error.problem
    option = _OPTIONS.get(error.parameter, f"--{error.parameter}")
    value = "" if error.value is None else f" {error.value}"
    return f"{option}{value}: {error.problem}"


def one_model(argument: str | None, option: str | None) -> str:
    """The model, which stands either alone or behind --model. Raises InputError for none or two."""
    given = [name for name in (argument, option) if name is not None]
    if len(given) == 2:
        raise InputError(f"{argument} and {option} are two: generate one at a time", "model")
    if not given:
        raise InputError("missing: give a built-in model's name or an ONNX file", "model")
    return given[0]


def numbers(parameter: str, text: str | None) -> tuple[float, ...] | None:
    """Numbers, or ratios such as 1/255, separated by commas. Raises InputError for others."""
    if text is None:
        return None
    try:
        values = tuple(_ratio(part) for part in text.split(","))
    except (ValueError, ZeroDivisionError) as e:
        problem = "expected numbers (or ratios such as 1/255), separated by commas"
        raise InputError(problem, parameter, text) from e
    if not all(map(math.isfinite, values)):
        raise InputError("expected finite numbers", parameter, text)
    return values


def shapes(texts: Sequence[str] | None) -> dict[str, tuple[int, ...]]:
    """Shapes by the input's name, of texts such as "images=1,3,320,320". Raises InputError for
    others.
    """
    found: dict[str, tuple[int, ...]] = {}
    for text in texts or ():
        name, _, sizes = text.rpartition("=")
        try:
            shape = tuple(map(int, sizes.split(",")))
        except ValueError:
            shape = ()
        if not name or not shape or min(shape) < 1:
            raise InputError(
                "expected an input's name and sizes: images=1,3,320,320", "shapes", text
            )
        if name in found:
            raise InputError(f"given twice for {name!r}", "shapes", text)
        found[name] = shape
    return found


def _ratio(text: str) -> float:
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


def spread(arguments: Sequence[str]) -> list[str]:
    """``--input a b c``, and ``--input=a b c``, as ``--input a --input b --input c``, for the
    options that take files. A generated folder among them is the verb's own argument.
    """
    result: list[str] = []
    option, has_value = None, False
    for word in arguments:
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            option, has_value = name if name in _FILES else None, bool(equals)
            result.append(word)
        elif option and has_value and not (Path(word) / "manifest.json").exists():
            result += [option, word]
        else:
            has_value = True
            result.append(word)
    return result
