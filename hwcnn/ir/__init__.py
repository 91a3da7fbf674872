"""The integer IR: a network as exact integer operations on int8 maps, between the importer and
everything after it.

A `Graph` holds tensors and operations in topological order. All tensors are int8, NCHW; ``real =
scale * (q - zero)``. Every operation carries the integers that the hardware uses, so golden, the
ISA engine and the RTL can only agree or differ bit by bit. Zero points are folded: a convolution
adds raw int8 values (padding inserts the input's zero point) and its bias holds ``-zero *
sum(weights)``.

`ops` holds the operations, `graph` the network, `checks` what `Graph.verify` holds each to.
"""

from .graph import Graph, HostOp, macs, params
from .ops import (
    ARRAY_OPS,
    Affine,
    Concat,
    Conv,
    ConvTranspose,
    Depthwise,
    Eltwise,
    Lrn,
    Lut,
    Op,
    Pool,
    Resize,
    Second,
)
from .tensor import Tensor

__all__ = [
    "ARRAY_OPS",
    "Affine",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Depthwise",
    "Eltwise",
    "Graph",
    "HostOp",
    "Lrn",
    "Lut",
    "Op",
    "Pool",
    "Resize",
    "Second",
    "Tensor",
    "macs",
    "params",
]
