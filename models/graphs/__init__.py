"""Nodes of graphs."""

from ..info import FEATURES, ModelInfo
from .gcn import gcn

NETWORKS = (
    ModelInfo(
        "gcn",
        "graph convolution (2016): A * X * W twice, sizes of Cora",
        (2708, 1),
        FEATURES,
        gcn,
        "Kipf and Welling 2016, arXiv:1609.02907",
        channels=1433,
        task=None,
    ),
)
