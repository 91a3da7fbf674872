"""What the simulated memory (tb/axi_memory.h) is asked to do wrong: an error for one burst, or no
answer at all.
"""

from dataclasses import dataclass

import numpy as np

#: As `Orders` in axi_memory.h.
_ORDERS = np.dtype(
    [
        (name, "<u4")
        for name in (
            "armed",
            "write",
            "id",
            "burst",
            "beat",
            "resp",
            "answered",
            "address",
            "dead",
            "reset",
        )
    ]
    + [("seen", "<u4", (2, 16))]
)
#: The two answers of AXI4 that are errors.
SLVERR, DECERR = 2, 3


@dataclass(frozen=True)
class Fault:
    """One burst is answered with an error.

    write : it is a write. client : number of the client, which is its id. burst : its bursts in
    that direction that come before.
    beat : of a read, which of its beats, modulo their number. resp : SLVERR or DECERR.
    """

    write: bool
    client: int
    burst: int
    beat: int = 0
    resp: int = SLVERR


class Orders:
    """The file that the memory looks at; only to be changed while no program runs."""

    def __init__(self, path):
        self._values = np.memmap(path, _ORDERS, "w+", shape=(1,))

    def _get(self, name):
        return self._values[name][0]

    def _set(self, **values):
        for name, value in values.items():
            self._values[name][0] = value

    def arm(self, fault):
        """Order the error of a `Fault` for the next run."""
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
    def answered(self):
        """The address of the burst whose error the accelerator has got; None if it has not."""
        return int(self._get("address")) if self._get("answered") else None

    def seen(self, write, client):
        """Bursts of a client since `arm`, if the error has not been given."""
        return int(self._get("seen")[int(write), client])

    def disarm(self):
        self._set(armed=0)

    def kill(self, after=0):
        """The bus is dead when it has taken so many bursts more."""
        self._set(dead=after + 1)

    def revive(self):
        """The bus is reset and works again; it forgets what was asked of it."""
        self._set(dead=0, reset=1)
