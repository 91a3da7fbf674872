"""ARRAY in the ISA engine: all its passes as one matrix product."""

from collections.abc import Sequence

import numpy as np

from .isa_machine import Machine, ProgramError, Values

#: Steps are addresses modulo the 20 bits of their fields: those from here on are negative.
_STEP_SIGN, _STEP_RANGE = 1 << 19, 1 << 20
#: Products of two int8 whose sum float32 holds exactly.
EXACT_TERMS = 1024


def array(machine: Machine, v: Values) -> None:
    """Multiply vectors of the activation buffer by weights of the stream, into the accumulators."""
    config = machine.config
    taps = v["n_cb"] * v["n_ky"] * v["n_kx"]
    pixels, blocks = v["n_y"] * v["n_x"], v["n_ob"]
    weights = _pop_weights(machine, taps * blocks * config.tile_bytes)
    sums = machine.accumulators[v["acc"] : v["acc"] + blocks * pixels]
    if len(sums) != blocks * pixels:
        raise ProgramError(f"array: {blocks * pixels} sums at {v['acc']} exceed the accumulators")
    products = sum_of_products(
        _operands(machine, v), weights.reshape(taps, blocks, config.rows, config.cols)
    ).reshape(blocks * pixels, config.cols)
    sums[...] = (sums + products if v["accumulate"] else products).astype(np.int32)
    machine.complete("array")


def _pop_weights(machine: Machine, n: int) -> np.ndarray:
    """The next `n` bytes of the weight stream, int8."""
    taken = []
    while n:
        if not machine.weights:
            raise ProgramError("array: its weights have not been streamed")
        first = machine.weights.popleft()
        taken.append(first[:n])
        if len(first) > n:
            machine.weights.appendleft(first[n:])
        n -= len(taken[-1])
    return taken[0] if len(taken) == 1 else np.concatenate(taken)


def _operands(machine: Machine, v: Values) -> np.ndarray:
    """What the passes read: float32 [n_ob or 1, n_y, n_x, n_cb, n_ky, n_kx, lanes], where it can be
    a view of the activation buffer. The first is 1 where all output blocks read the same.
    """
    shape, steps = [], []
    for loop in ("ob", "y", "x", "cb", "ky", "kx"):
        step = v[f"s_{loop}"]
        steps.append(_signed(step))
        shape.append(1 if loop == "ob" and not step else v[f"n_{loop}"])
    lower = _view(machine, v["base"], shape, steps)
    if not v["upper"]:
        return lower
    upper = _view(machine, v["base"] + _signed(v["upper"]), shape, steps)
    middle = machine.config.lanes // 2
    return np.concatenate((lower[..., :middle], upper[..., middle:]), axis=-1)


def _signed(step: int) -> int:
    """A step, or another address difference, of the 20 bits of its field."""
    return step - _STEP_RANGE if step >= _STEP_SIGN else step


def _view(machine: Machine, base: int, shape: Sequence[int], steps: Sequence[int]) -> np.ndarray:
    """The vectors that loops over addresses from `base` on meet: float32 [*shape, lanes]."""
    reach = [(n - 1) * step for n, step in zip(shape, steps, strict=True)]
    first = base + sum(r for r in reach if r < 0)
    last = base + sum(r for r in reach if r > 0)
    if first < 0 or last >= len(machine.activations):
        raise ProgramError(
            f"array: reads vectors {first} to {last} "
            f"of an activation buffer of {len(machine.activations)}"
        )
    size, lanes = machine.activations.itemsize, machine.config.lanes
    return np.lib.stride_tricks.as_strided(
        machine.activations[base:],
        (*shape, lanes),
        (*(step * lanes * size for step in steps), size),
    )


def sum_of_products(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Sums of all passes of an ARRAY: int64 [output blocks, pixels, cols].

    x : float32 [output blocks or 1, n_y, n_x, ..., rows] of int8 values. w : int8 [taps, output
    blocks, rows, cols]. Exact though in float32: no product of matrices sums more than
    `EXACT_TERMS` products, so that every partial sum is an integer of at most 2**24.
    """
    taps, blocks, rows, cols = w.shape
    own, pixels, depth = x.shape[0], x.shape[1] * x.shape[2], taps * rows
    if own == 1:
        w = w.transpose(0, 2, 1, 3).reshape(1, depth, blocks * cols)
    else:
        w = w.transpose(1, 0, 2, 3).reshape(blocks, depth, cols)
    flat = x.reshape(own, pixels, depth)
    total = np.zeros((own, pixels, w.shape[2]), np.int64)
    for k in range(0, depth, EXACT_TERMS):
        chunk = slice(k, k + EXACT_TERMS)
        total += (flat[:, :, chunk] @ w[:, chunk].astype(np.float32)).astype(np.int64)
    return total.reshape(pixels, blocks, cols).transpose(1, 0, 2) if own == 1 else total
