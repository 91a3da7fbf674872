"""Blocks of a synthesised netlist's cells."""

import json

from hwcnn.estimate import netlist
from hwcnn.estimate.blocks import BLOCKS, COMPONENTS, block_of
from hwcnn.estimate.features import FEATURES

MADE = "/share/cells_map.v:1.1-2.2"


def cell(kind, src=None, ins=(), outs=(), **control):
    ports = {f"I{i}": ("input", b) for i, b in enumerate(ins)} | {
        ("Q" if kind == "FF" else f"O{i}"): ("output", b) for i, b in enumerate(outs)
    }
    ports |= {name: ("input", b) for name, b in control.items()}
    return {
        "type": kind,
        "attributes": {} if src is None else {"src": src},
        "port_directions": {n: d for n, (d, _) in ports.items()},
        "connections": {n: [b] for n, (_, b) in ports.items()},
    }


def owners(tmp_path, cells):
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps({"modules": {"hwcnn": {"cells": cells}}}))
    return {name: block for name, (_, block) in netlist.owners(path).items()}


def test_owners(tmp_path):
    found = owners(
        tmp_path,
        {
            "scope": {"type": "$scopeinfo", "attributes": {}},
            "a": cell("FF", f"core.post|{MADE}", ins=[10], outs=[1]),
            # feeds the carry of load, though post drives it
            "lut": cell("LUT4", MADE, ins=[1, "0"], outs=[2]),
            "carry": cell("CCU2C", f"core.load|{MADE}", ins=[2], outs=[3]),
            "core.fetch.fifo.ram.ram.any.mem.0.1": cell("DPR16X4", MADE, ins=[3], outs=[4]),
            # multiplexes the RAM's outputs
            "select": cell("LUT4", MADE, ins=[4], outs=[5]),
            # its read register, which dispatch takes
            "read": cell("FF", MADE, ins=[5], outs=[6], CLK=9),
            "b": cell("FF", f"core.dispatch|{MADE}", ins=[6], outs=[7], CE=2),
            "out": cell("LUT4", MADE, ins=[7], outs=[8]),  # feeds a port only
        },
    )
    assert found == {
        "a": "core.post",
        "lut": "core.load",
        "carry": "core.load",
        "core.fetch.fifo.ram.ram.any.mem.0.1": "core.fetch.fifo",
        "select": "core.fetch.fifo",
        "read": "core.fetch.fifo",
        "b": "core.dispatch",
        "out": "core.dispatch",
    }


def test_by_type(tmp_path):
    owned = {"a": ("FF", "core.post"), "b": ("FF", "core.post.writer"), "c": ("LUT4", "core.post")}
    assert netlist.by_type(owned, lambda path: block_of(path).component) == {
        "post": {"FF": 1, "LUT4": 1},
        "store": {"FF": 1},
    }


def test_blocks_are_found_by_the_longest_path():
    assert block_of("core.vector.core.alu.round0").path == "core.vector.core.alu"
    assert block_of("core.vector.core.fifo").path == "core.vector"
    assert block_of("").component == "control"
    assert {b.component for b in BLOCKS} == set(COMPONENTS)
    assert all(f in FEATURES for b in BLOCKS for f in b.features)
