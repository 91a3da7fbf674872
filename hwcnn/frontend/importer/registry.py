"""The operators that the importer knows: one entry each, with attributes and limits, from which
`hwcnn ops` and the docs are made.
"""

from dataclasses import dataclass

import onnx


class Unsupported(Exception):
    """Raised by a handler: the reason why a node cannot run, and the way around it if there is one."""


@dataclass(frozen=True)
class Operator:
    """name: of the ONNX operator. attributes: those honoured. limits: what is refused, in words.
    runs_on: the engine that computes it.
    """

    name: str
    handler: object
    attributes: tuple[str, ...]
    limits: str
    runs_on: str


OPERATORS: dict[str, Operator] = {}


def operator(*names, attributes=(), limits="", runs_on="vector"):
    """Register ``handler(ctx, node, *inputs) -> value`` for ONNX operators. A missing optional
    input arrives as None.
    """

    def register(handler):
        for name in names:
            OPERATORS[name] = Operator(name, handler, tuple(attributes), limits, runs_on)
        return handler

    return register


def attributes(node):
    """The node's attributes as Python values (strings decoded)."""
    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}
