"""What the simulated memory (testbench/sources/axi_memory.h) is asked to do wrong: an error for one
burst, or no answer at all.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: As `Orders` in axi_memory.h.
_ORDERS = np.dtype(
    [
        ("armed", "<u4"),
        ("write", "<u4"),
        ("id", "<u4"),
        ("burst", "<u4"),
        ("beat", "<u4"),
        ("resp", "<u4"),
        ("answered", "<u4"),
        ("address", "<u4"),
        ("dead", "<u4"),
        ("reset", "<u4"),
        ("seen", "<u4", (2, 16)),
    ]
)
#: The two answers of AXI4 that are errors.
SLVERR, DECERR = 2, 3


@dataclass(frozen=True)
class Fault:
    """One burst is answered with an error.

    Parameters
    ----------
    write : whether it is a write.
    client : number of the client, which is its id.
    burst : how many bursts of the client in that direction come before it.
    beat : of a read, which of its beats, modulo their number.
    resp : SLVERR or DECERR.
    """

    write: bool
    client: int
    burst: int
    beat: int = 0
    resp: int = SLVERR


class FaultOrders:
    """The file of orders that the memory looks at; only to be changed while no program runs."""

    def __init__(self, path: Path) -> None:
        self._values = np.memmap(path, _ORDERS, "w+", shape=(1,))

    def _set(self, **values: int) -> None:
        for name, value in values.items():
            self._values[name][0] = value

    def arm(self, fault: Fault) -> None:
        """Order an error for the next run."""
        self._set(
            write=fault.write,
            id=fault.client,
            burst=fault.burst,
            beat=fault.beat,
            resp=fault.resp,
            answered=0,
            seen=0,
            armed=1,
        )

    @property
    def answered(self) -> int | None:
        """The address of the burst whose error the accelerator has got; None if it has not."""
        return int(self._values["address"][0]) if self._values["answered"][0] else None

    def seen(self, write: bool, client: int) -> int:
        """Bursts of a client since `arm`, if the error has not been given."""
        return int(self._values["seen"][0][int(write), client])

    def disarm(self) -> None:
        """Withdraw the order."""
        self._set(armed=0)

    def kill(self, after: int = 0) -> None:
        """The bus is dead when it has taken so many bursts more."""
        self._set(dead=after + 1)

    def revive(self) -> None:
        """The bus is reset and works again; it forgets what was asked of it."""
        self._set(dead=0, reset=1)
