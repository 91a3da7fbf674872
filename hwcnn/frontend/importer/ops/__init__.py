"""One handler an ONNX operator, in `registry.OPERATORS` once this package is imported."""

from . import (
    conv,
    conv_transpose,
    elementwise,
    host,
    layout,
    norm,
    pool,
    prelu,
    quant,
    reduce,
    resize,
    slice,
    unary,
)

__all__ = [
    "conv",
    "conv_transpose",
    "elementwise",
    "host",
    "layout",
    "norm",
    "pool",
    "prelu",
    "quant",
    "reduce",
    "resize",
    "slice",
    "unary",
]
