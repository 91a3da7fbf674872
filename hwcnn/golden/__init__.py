"""The reference: every operation of the integer IR in NumPy, exact, independent of tiling and of
the hardware.

One file a layer type, written from the formulas of ``ir.ops``; `run` executes a whole graph.
"""

from .lrn import lrn_index, lrn_table
from .run import host_outputs, quantise_input, run, run_op

__all__ = ["host_outputs", "lrn_index", "lrn_table", "quantise_input", "run", "run_op"]
