"""Values of JSON or TOML as Python's types say: dataclasses, tuples, dicts, optionals."""

import math
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints


def typed(kind: Any, value: Any, where: str) -> Any:
    """A JSON value as the type `kind`: a dataclass, a tuple, a dict of strings, an optional or a
    plain type. Raises ValueError, which says where it stands, for any other value.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (kind,) = (k for k in arguments if k is not type(None))
        return None if value is None else typed(kind, value, where)
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    if origin is tuple and isinstance(value, list):
        items = cast(list[Any], value)
        kinds = [arguments[0]] * len(items) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) == len(items):
            pairs = zip(kinds, items, strict=True)
            return tuple(typed(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(pairs))
    elif origin is dict and isinstance(value, dict):
        entries = cast(dict[str, Any], value)
        return {k: typed(arguments[1], v, f"{where}.{k}") for k, v in entries.items()}
    elif kind is float and isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    elif origin is None and type(value) is kind:
        return value
    raise ValueError(f"{where} is {value!r:.40}, expected {getattr(kind, '__name__', kind)}")


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    names = {f.name for f in fields(kind)}
    if not isinstance(value, dict) or set(cast(dict[str, Any], value)) != names:
        raise ValueError(f"{where} is {value!r:.40}, expected the keys {', '.join(sorted(names))}")
    hints = get_type_hints(kind)
    return kind(**{name: typed(hints[name], value[name], f"{where}.{name}") for name in names})
