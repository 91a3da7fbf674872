"""A graph convolutional network (Kipf and Welling 2016, arXiv:1609.02907): two layers A * X * W
with a dense matrix A, the normalised neighbours of the graph's nodes.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..builder import Builder

HIDDEN, CLASSES, DEGREE = 16, 7, 4


def gcn(b: "Builder", x: str) -> str:
    """Scores [nodes, 1, 7] of seven classes for each node of input x [features, nodes, 1]."""
    x = b.relu(_layer(b, "layer1", x, b.scaled(HIDDEN)))
    return _layer(b, "layer2", b.transpose("features", x, (2, 0, 1)), CLASSES)


def _layer(b: "Builder", name: str, x: str, channels: int) -> str:
    """A * X * W of x [features, nodes, 1]: [nodes, 1, features], both products as 1x1 convolutions,
    the first over the features of each node, the second over the nodes of each feature.
    """
    products = b.conv(f"{name}.features", x, channels, 1, bias=False, gain=1.0)
    nodes = b.shapes[x][1]
    turned = b.transpose(f"{name}.nodes", products, (1, 2, 0))
    weight = b.constant("graph.neighbours", neighbours(b, nodes)[:, :, None, None])
    return b.node("Conv", [turned, weight], name, (nodes, 1, channels), kernel_shape=(1, 1))


def neighbours(b: "Builder", nodes: int) -> np.ndarray:
    """D**-0.5 * (A + I) * D**-0.5 of a random graph with about `DEGREE` edges a node, float32
    [nodes, nodes].
    """
    edges = b.rng("edges").random((nodes, nodes)) < DEGREE / nodes / 2
    joined = np.eye(nodes) + (edges | edges.T) * (1 - np.eye(nodes))
    scale = joined.sum(1) ** -0.5
    return (scale[:, None] * joined * scale).astype(np.float32)
