"""Runs a program on a DRAM image, one instruction after another, exactly as docs/architecture.md
defines them.

It also checks the waits: since instructions complete in program order, each wait must already hold.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from hwcnn import isa
from hwcnn.config import AccelConfig

from .isa_array import array
from .isa_machine import Machine, ProgramError, Values
from .isa_post import post
from .isa_transfers import load, param, weight
from .isa_vector import vector

_EXECUTE: dict[str, Callable[[Machine, Values], None]] = {
    "load": load,
    "weight": weight,
    "param": param,
    "array": array,
    "post": post,
    "vector": vector,
}


def run(program: bytes, dram: np.ndarray, config: AccelConfig) -> dict[str, int]:
    """Execute a program on a DRAM image.

    Parameters
    ----------
    program : instructions up to END, as `isa.encode` writes them.
    dram : uint8 [bytes], changed in place.
    config : of the accelerator that the program is for.

    Returns the number of instructions by name. Raises `ProgramError` where the program is wrong.

    BLAS gets one thread: products of an ARRAY are so small that threads only wait for each other,
    for most of the time where other work wants the cores.
    """
    with threadpool_limits(1, "blas"):
        return _run(program, Machine(dram, config))


def _run(program: bytes, machine: Machine) -> dict[str, int]:
    executed, at = Counter[str](), 0
    while True:
        try:
            instruction, waits, values, size = isa.decode(program, at)
        except ValueError as e:
            raise ProgramError(str(e)) from e
        for counter, count in waits.items():
            if machine.counts[counter] < count:
                raise ProgramError(
                    f"byte {at}: {instruction.name} waits for {counter} = {count}, "
                    f"but {machine.counts[counter]} came before it"
                )
        executed[instruction.name] += 1
        if instruction is isa.END:
            break
        _EXECUTE[instruction.name](machine, values)
        at += size
    if machine.weights:
        raise ProgramError("the program streams weights that the array does not use")
    return dict(executed)
