"""The operators that the importer knows: one entry each, with attributes and limits, from which
`hwcnn ops` and the docs are made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import onnx

#: A handler: ``(ctx, node, *inputs) -> value``, or a tuple of values, one for each result. A
#: missing optional input arrives as None.
Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)


class Unsupported(Exception):
    """Raised by a handler: why a node cannot run, and the way around it if there is one."""


@dataclass(frozen=True)
class Operator:
    """name: of the ONNX operator. attributes: those honoured. limits: what is refused, in words.
    runs_on: the engine that computes it.
    """

    name: str
    handler: Handler
    attributes: tuple[str, ...]
    limits: str
    runs_on: str


OPERATORS: dict[str, Operator] = {}


def operator(
    *names: str, attributes: Sequence[str] = (), limits: str = "", runs_on: str = "vector"
) -> Callable[[H], H]:
    """Registers a handler for ONNX operators of those names."""

    def register(handler: H) -> H:
        for name in names:
            OPERATORS[name] = Operator(name, handler, tuple(attributes), limits, runs_on)
        return handler

    return register


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes as Python values (strings decoded), of whatever type each has."""
    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}
