"""The order in which host and accelerator take turns."""

from collections.abc import Collection

from .node_graph import NodeGraph

#: (runs on the host, names of its nodes in order).
Turn = tuple[bool, list[str]]


def turns(graph: NodeGraph, host: Collection[str]) -> list[Turn]:
    """The fewest turns of host and accelerator that compute all nodes, each node as early as it
    can be. host : names of the nodes that the host computes.
    """
    both = [_from(graph, host, begins_on_host) for begins_on_host in (False, True)]
    return min(both, key=lambda found: (sum(not on_host for on_host, _ in found), len(found)))


def _from(graph: NodeGraph, host: Collection[str], on_host: bool) -> list[Turn]:
    done: set[str] = set()
    left = [node.name for node in graph.nodes]
    found: list[Turn] = []
    while left:
        taken, later = list[str](), list[str]()
        for name in left:
            if (name in host) == on_host and done.issuperset(graph.before[name]):
                taken.append(name)
                done.add(name)
            else:
                later.append(name)
        left = later
        if taken:
            found.append((on_host, taken))
        on_host = not on_host
    return found
