"""hwcnn: convolutional networks in ONNX to bit-exact FPGA accelerators.

    made = hwcnn.generate("digits", pe="16x16", out="build/digits")
    run = hwcnn.simulate(made.out, inputs=["three.png"])
    print(run.cycles, run.mismatches)

The functions and classes in ``__all__`` are the public API; they are loaded when they are first
used, so that ``import hwcnn`` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import AccelConfig
    from .errors import InputError, RunError
    from .estimate.performance import estimate_performance
    from .estimate.resources import estimate_resources
    from .generator import generate
    from .sim.command import simulate

__version__ = "0.1.0"
__all__ = [
    "AccelConfig",
    "InputError",
    "RunError",
    "estimate_performance",
    "estimate_resources",
    "generate",
    "simulate",
]

_MODULES = {
    "AccelConfig": "config",
    "InputError": "errors",
    "RunError": "errors",
    "estimate_performance": "estimate.performance",
    "estimate_resources": "estimate.resources",
    "generate": "generator",
    "simulate": "sim.command",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
