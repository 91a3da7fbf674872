"""Nodes that cannot run on the accelerator, each with its reason, and how a user reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hwcnn.errors import InputError

#: Names of like nodes, and groups of them, that are written out.
NAMES, GROUPS = 3, 20


@dataclass(frozen=True)
class Refusal:
    """node : name of the node, or of an output of the network. op : its operator, "" of an output.
    reason : why it cannot run.
    """

    node: str
    op: str
    reason: str


class Refused(InputError):
    """A network with nodes that cannot run. refusals : all of them, in the graph's order."""

    def __init__(self, refusals: Sequence[Refusal]):
        self.refusals = list(refusals)
        super().__init__(
            f"{len(self.refusals)} node(s) cannot run on the accelerator: "
            + "; ".join(grouped(self.refusals))
        )


def grouped(refusals: Iterable[Refusal]) -> list[str]:
    """A line for all nodes of the same operator that have the same reason; at most `GROUPS`, and
    one that counts the others.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for refusal in refusals:
        groups.setdefault((refusal.op, refusal.reason), []).append(refusal.node)
    lines = [f"{_names(op, nodes)}: {reason}" for (op, reason), nodes in groups.items()]
    if len(lines) <= GROUPS:
        return lines
    left = sum(map(len, list(groups.values())[GROUPS:]))
    return [*lines[:GROUPS], f"and {left} more for {len(lines) - GROUPS} more reasons"]


def _names(op: str, nodes: Sequence[str]) -> str:
    if not op:
        return ", ".join(f"output {node!r}" for node in nodes)
    shown = ", ".join(nodes[:NAMES])
    if len(nodes) > NAMES:
        shown += f" and {len(nodes) - NAMES} more"
    return f"{shown} ({op})"
