"""Networks that ship with hwcnn, by name: published topologies with seeded weights, and `digits`,
trained.

`build`, `samples` and `prepared` are loaded when they are first used: listing the networks takes no
onnx.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .catalogue import info, names
from .info import ModelInfo

if TYPE_CHECKING:
    from .inputs import prepared, samples
    from .network import build

__all__ = ["ModelInfo", "build", "info", "names", "prepared", "samples"]

_LAZY = {"build": "network", "prepared": "inputs", "samples": "inputs"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
