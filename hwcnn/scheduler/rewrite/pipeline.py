"""The rewrites in their order. Each takes a valid graph and leaves a valid one that gives the same
integers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError

from . import (
    compact_lanes,
    copy_operands,
    depthwise,
    double_columns,
    fold_stem,
    phases_as_channels,
    split_pools,
)


@dataclass(frozen=True)
class Pass:
    """A rewrite by name. run : gives the new graph and leaves its argument as it is."""

    name: str
    run: Callable[[ir.Graph, AccelConfig], ir.Graph]


#: Folding comes first, since only it changes inputs; copies last, since their number depends on
#: the lanes of all tensors.
PASSES = (
    Pass("fold_stem", fold_stem.run),
    Pass("phases_as_channels", phases_as_channels.run),
    Pass("double_columns", double_columns.run),
    Pass("split_pools", split_pools.run),
    Pass("depthwise", depthwise.run),
    Pass("compact_lanes", compact_lanes.run),
    Pass("copy_operands", copy_operands.run),
)


class PassError(Exception):
    """A rewrite failed, or left a graph that is not valid. The message names it."""


def rewrite(graph: ir.Graph, config: AccelConfig, passes: Sequence[Pass] = PASSES) -> ir.Graph:
    """The graph as lowering needs it for an accelerator, after all `passes`.

    Raises PassError, which names the first pass that raises or whose graph does not `verify`;
    InputError of a pass goes through as it is.
    """
    for each in passes:
        try:
            graph = each.run(graph, config).verify()
        except InputError:
            raise
        except Exception as e:
            raise PassError(f"rewrite pass {each.name!r}: {type(e).__name__}: {e}") from e
    return graph
