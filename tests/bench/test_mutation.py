"""Ids and samples of the RTL's mutants outlast what does not change the mutant."""

import json
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import mutation  # noqa: E402
import rtl_blocks  # noqa: E402

TEXT = """
class Block:
    def elaborate(self, platform):
        m.d.comb += [a.eq(b + 1), c.eq(Mux(d, e, f))]
        with m.If(~a & b):
            m.d.sync += g.eq(g - 1)
"""
FORMATTED = """# moved on by a line
class Block:
    def elaborate(self, platform):
        m.d.comb += [
            a.eq(b + 1),
            c.eq(
                Mux(d, e, f)
            ),
        ]
        self._step(m)

    def _step(self, m):
        m.d.comb += h.eq(g - 1)
        with m.If(~a & b):
            m.d.sync += g.eq(g - 1)
"""


def ids(text, file="block.py"):
    return {m.id for m in mutation.mutations(file, text)}


def test_ids_stay_when_a_file_is_formatted_moves_or_grows():
    assert len(ids(TEXT)) == len(mutation.mutations("block.py", TEXT)) > 10
    assert ids(TEXT) < ids(FORMATTED, "room/other.py")


def test_the_sample_depends_on_ids_and_seed():
    found = mutation.mutations("block.py", TEXT)
    picked = [m.id for m in mutation.sample(found, 6, "1")]
    assert picked == [m.id for m in mutation.sample(found[::-1], 6, "1")]
    assert picked != [m.id for m in mutation.sample(found, 6, "2")]
    assert len({m.operator for m in mutation.sample(found, 6, "1")}) == 6


def test_each_block_has_tests_the_nearest_first():
    files = rtl_blocks.tests_of()
    assert "bus/reader" in files and "core" in files
    assert all(set(rtl_blocks.WHOLE) <= set(f) for f in files.values())
    assert all(path.exists() for f in files.values() for path in f)
    first = {
        block: f[0].relative_to(BENCH.parent / "tests").as_posix() for block, f in files.items()
    }
    assert first["bus/reader"] == "rtl/bus/test_reader.py"
    assert first["array/engine"] == "rtl/array/test_array_engine.py"
    assert first["post/param_slots"] == "rtl/post/test_post_engine.py"


def test_the_equivalent_mutants_exist():
    known = {i for b, p in rtl_blocks.blocks().items() for i in ids(p.read_text(), f"{b}.py")}
    assert set(json.loads((BENCH / "mutants_equivalent.json").read_text())) <= known
