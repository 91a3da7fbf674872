"""The static check finds every kind of missing wait, and programs that cannot run."""

import pytest
from random_networks import Builder

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.scheduler.check import HazardError, check
from hwcnn.scheduler.compile import compile_graph

CONFIG = AccelConfig(rows=4, cols=4, act_kib=4, acc_depth=64, param_slots=8, pool_depth=64)


@pytest.fixture(scope="module")
def compiled():
    """A network with every kind of dependence: residual, pools between convolutions, tables and
    affines twice.
    """
    b = Builder(5, (1, 3, 12, 12))
    x = b.conv(b.affine("x"), 20, 3, 1, 1)
    y = b.lrn(b.affine(b.conv(x, 20, 3, 1, 1, residual=x)))
    y = b.lut(b.pool(y, "max", 2, 2))
    z = b.lrn(b.affine(b.conv(y, 20, 3, 1, 1, residual=y)))
    z = b.lut(b.eltwise(z, y, "add"))
    shortcut, scaled = b.conv(z, 30, 1), b.affine(b.conv(z, 30, 1))
    z = b.concat(b.conv(z, 30, 1, residual=shortcut), b.conv(z, 30, 1, residual=scaled), z)
    return compile_graph(b.done(b.conv(b.concat(z, y), 9, 1)), CONFIG)


def mutated(compiled, change, revalue=lambda name, values: values):
    """The program with each instruction's waits and values changed: change(name, waits) -> waits,
    revalue alike.
    """
    at, encoded = 0, []
    while True:
        instruction, waits, values, size = isa.decode(compiled.program, at)
        encoded.append(
            isa.encode(
                instruction, change(instruction.name, waits), **revalue(instruction.name, values)
            )
        )
        if instruction is isa.END:
            return b"".join(encoded)
        at += size


def run_check(compiled, program):
    return check(program, CONFIG, compiled.manifest.dram_bytes)


def test_whole_program(compiled):
    assert run_check(compiled, compiled.program) == compiled.manifest.instructions["total"]


@pytest.mark.parametrize(
    "name, counter",
    [
        ("load", "array"),
        ("load", "pstore"),
        ("load", "vstore"),
        ("array", "load"),
        ("array", "post"),
        ("post", "array"),
        ("post", "pstore"),
        ("post", "vstore"),
        ("post", "param"),
        ("param", "post"),
        ("param", "vstore"),
        ("vector", "pstore"),
        ("vector", "vstore"),
        ("vector", "param"),
        ("end", "pstore"),
    ],
)
def test_missing_waits(compiled, name, counter):
    def drop(instruction, waits):
        return {c: n for c, n in waits.items() if (instruction, c) != (name, counter)}

    with pytest.raises(HazardError):
        run_check(compiled, mutated(compiled, drop))


@pytest.mark.parametrize(
    "name, counter", [("load", "array"), ("array", "load"), ("array", "post"), ("post", "array")]
)
def test_one_too_few(compiled, name, counter):
    def less(instruction, waits):
        return {
            c: max(0, n - 1) if (instruction, c) == (name, counter) else n for c, n in waits.items()
        }

    with pytest.raises(HazardError):
        run_check(compiled, mutated(compiled, less))


@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
def test_pads_beside_a_map(compiled, side):
    def padded(instruction, values):
        return values | (
            {f"pad_{side}": 1} if instruction == "vector" and values["b_mode"] == isa.B_MAP else {}
        )

    with pytest.raises(HazardError, match="has pads"):
        run_check(compiled, mutated(compiled, lambda _, waits: waits, padded))


def test_wait_for_the_future(compiled):
    def future(instruction, waits):
        return {c: n + (instruction == "post") for c, n in waits.items()}

    with pytest.raises(HazardError, match="may never start"):
        run_check(compiled, mutated(compiled, future))


def test_weights_too_far_ahead(compiled):
    """All WEIGHT instructions first: the queue fills up before the first ARRAY is dispatched."""
    by_kind, at = {True: [], False: []}, 0
    while (decoded := isa.decode(compiled.program, at))[0] is not isa.END:
        by_kind[decoded[0] is isa.WEIGHT].append(compiled.program[at : at + decoded[3]])
        at += decoded[3]
    program = b"".join(by_kind[True] + by_kind[False]) + compiled.program[at:]
    with pytest.raises(HazardError, match="weight streams"):
        run_check(compiled, program)
