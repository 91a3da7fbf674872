"""Linear resampling by large factors, made fit for the depthwise unit: of a map whose columns are
doubled.

Weights of x8 are products of odd sixteenths, up to 225. On a map with each column twice, the larger
of two columns' weights is a sum of two that int8 holds in a product with a row's: three taps in
place of two, which the unit takes at once.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.fixedpoint import multiplier

from .graph_editor import GraphEditor

Int64Array = npt.NDArray[np.int64]
#: What int8 holds of a weight.
_MOST = 127
#: Multipliers of a lane that the three taps take.
_TAPS = 3


def run(graph: ir.Graph, config: AccelConfig) -> ir.Graph:
    """The graph with such resamplings replaced by a doubling of columns and one that the unit does,
    but for rows or columns at the map's edges.
    """
    editor = GraphEditor(graph)
    for op in graph.ops:
        if isinstance(op, ir.Resize) and _fits(op, graph, config):
            editor.ops += _replaced(op, editor)
        else:
            editor.ops.append(op)
    return editor.result()


def _fits(op: ir.Resize, graph: ir.Graph, config: AccelConfig) -> bool:
    """Two columns whose weights do not fit, but their halves do; not at the edges, where one row
    has all the weight.
    """
    if config.dw_taps != _TAPS or not config.features or graph.tensors[op.x].shape[3] < 2:
        return False
    rows = np.where(op.rows[1].min(axis=1) > 0, op.rows[1].max(axis=1), 0)
    largest, columns = int(rows.max()), int(op.cols[1].max())
    return largest * columns > _MOST >= largest * -(-columns // 2)


def _replaced(op: ir.Resize, editor: GraphEditor) -> list[ir.Op]:
    n, c, h, w = editor.tensors[op.x].shape
    doubled = editor.derive(op.x, "doubled", (n, c, h, 2 * w))
    mantissa, shift = (int(v) for v in multiplier(1.0))
    twice = ir.Resize(
        f"{op.name}/doubled",
        op.x,
        doubled,
        _copies(np.arange(h)),
        _copies(np.arange(2 * w) // 2),
        mantissa,
        shift,
        op.x_zero,
        op.x_zero,
    )
    return [twice, replace(op, x=doubled, cols=_halved(*op.cols))]


def _copies(index: Int64Array) -> tuple[Int64Array, Int64Array]:
    return np.stack([index, index], 1), np.tile(np.array([1, 0], np.int64), (len(index), 1))


def _halved(index: Int64Array, weight: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The columns of a map that is doubled: of the heavier one both, of the other one the copy
    beside it.
    """
    heavy = np.argmax(weight, axis=1)
    at = np.arange(len(index))
    first, second = index[at, heavy], index[at, 1 - heavy]
    more, less = weight[at, heavy], weight[at, 1 - heavy]
    beside = np.where(second > first, 2 * second, 2 * second + 1)
    found = np.stack([2 * first, 2 * first + 1, np.where(less > 0, beside, 2 * first)], 1)
    return found, np.stack([more - more // 2, more // 2, less], 1)
