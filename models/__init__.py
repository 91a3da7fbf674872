"""Networks that ship with hwcnn, by name: published topologies with seeded weights, and `digits`,
trained.

What builds networks or their inputs is loaded when it is first used: listing the names takes no
onnx.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .catalogue import info, names
from .info import ModelInfo

if TYPE_CHECKING:
    from .inputs import feeds, prepared, samples
    from .network import build
    from .size import Counter

__all__ = ["Counter", "ModelInfo", "build", "feeds", "info", "names", "prepared", "samples"]

_LAZY = {
    "Counter": "size",
    "build": "network",
    "feeds": "inputs",
    "prepared": "inputs",
    "samples": "inputs",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
