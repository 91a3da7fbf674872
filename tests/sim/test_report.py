"""Cycles, stalls and traces from a hand-made record of a run."""

from types import SimpleNamespace

import numpy as np

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.manifest import Layer
from hwcnn.sim import layer_cycles, report
from hwcnn.sim.engines.rtl_engine import RtlRun
from hwcnn.sim.testbench.events import DONE, HANG, LEVELS, ROW, START, EventLog
from hwcnn.sim.trace import trace

CONFIG = AccelConfig(rows=4, cols=4, axi_bytes=16)
LAYERS = [
    Layer("conv1", "Conv", 1000, "a", fully_connected=False),
    Layer("pool1", "Pool", 0, "b", fully_connected=False),
    Layer("conv2", "Conv", 3000, "c", fully_connected=False),
    Layer("fc", "Conv", 500, "d", fully_connected=True),
]
MANIFEST = SimpleNamespace(
    macs=4500,
    layers=LAYERS,
    queues=dict(
        load=[[0, 1]],
        weight=[[0, 1]],
        param=[],
        array=[[0, 1], [2, 2], [3, 1]],
        post=[[0, 1], [2, 2], [3, 1]],
        vector=[[1, 1]],
    ),
)


def log(*events, origin=100):
    """Rows from (cycle, names such as "array+" (start) or "pstore", {level: count so far})."""
    rows = np.zeros(len(events), ROW)
    for row, (cycle, names, levels) in zip(rows, events, strict=True):
        row["cycle"] = cycle + origin
        for name in names.split():
            row["events"] |= 1 << (
                len(DONE) + START.index(name[:-1]) if name.endswith("+") else DONE.index(name)
            )
        for name, count in levels.items():
            row["level"][LEVELS.index(name)] = count
    return EventLog(rows, origin)


RECORD = log(
    (5, "load+ weight+", {}),
    (30, "load array+", {}),
    (130, "array post+", dict(array_busy=90, stall_weights=10)),
    (140, "array+", dict(array_busy=90, stall_weights=12)),
    (150, "post", dict(array_busy=100, stall_weights=12)),
    (160, "pstore vector+", dict(array_busy=110, stall_weights=12)),
    (300, "array post+", dict(array_busy=230, stall_weights=12)),
    (310, "array+ pstore", dict(array_busy=230, stall_weights=12)),
    (320, "vstore", dict(array_busy=240, stall_weights=15)),
    (400, "array post+", dict(array_busy=300, stall_weights=20)),
    (410, "array+ pstore", dict(array_busy=300, stall_weights=30)),
    (500, "array post+", dict(array_busy=310, stall_weights=100)),
    (520, "pstore", dict(array_busy=310, stall_weights=100)),
)


def test_layer_cycles_add_up_and_overlaps_count_once():
    rows = layer_cycles.layer_cycles(MANIFEST, RECORD)
    # conv1 is stored at 160, pool1 at 320, conv2 at 410 (its first tile at 310, before pool1's
    # end), fc at 520.
    assert [row.cycles for row in rows] == [160, 160, 90, 110]
    assert [row.array_busy for row in rows] == [90, 0, 210, 10]
    assert [row.stalls["weights"] for row in rows] == [10, 0, 10, 80]


def test_a_layer_that_ends_before_the_one_before_it_takes_no_cycles():
    assert list(layer_cycles.cycles_from(np.array([100, 80, 0, 150]))) == [100, 0, 0, 50]


def test_figures_of_a_run():
    stalls = {f"stall_{cause}": n for n, cause in enumerate(layer_cycles.STALLS)}
    counters = stalls | {"cycles": 525, "read_beats": 20, "write_beats": 3}
    found = report.run_figures(MANIFEST, CONFIG, RtlRun(counters, RECORD, 1.0))
    assert found == report.RunFigures(
        cycles=525,
        macs=4500,
        conv_macs=4000,
        conv_cycles=410,
        mac_utilisation=4500 / (16 * 525),
        conv_mac_utilisation=4000 / (16 * 410),
        multipliers=16 + 4 * 3,
        multiplier_utilisation=4500 / (28 * 525),
        dram_read_bytes=320,
        dram_write_bytes=48,
        stall_cycles={"weights": 0, "activations": 1, "accumulators": 2, "program": 3, "store": 4},
    )


def test_without_the_rtl_only_the_work_is_known():
    found = report.run_figures(MANIFEST, CONFIG)
    assert found == report.RunFigures(macs=4500, conv_macs=4000, multipliers=28)


def test_convolutional_layers_include_fully_connected_layers_between_convolutions():
    def layers(*kinds):
        return [Layer(kind, "", int(kind != "pool"), "", kind == "fc") for kind in kinds]

    assert layer_cycles.convolutional_layers(layers("conv", "fc", "conv", "pool", "fc", "fc")) == 4
    assert layer_cycles.convolutional_layers(layers("conv", "pool")) == 2
    assert layer_cycles.convolutional_layers(layers("fc", "fc")) == 0


def test_trace_has_a_slice_an_instruction():
    slices = [e for e in trace(MANIFEST, RECORD)["traceEvents"] if e["ph"] == "X"]
    arrays = [(e["name"], e["ts"], e["dur"]) for e in slices if e["cat"] == "array"]
    assert arrays == [("conv1", 30, 100), ("conv2", 140, 160), ("conv2", 310, 90), ("fc", 410, 90)]
    assert [(e["name"], e["ts"], e["dur"]) for e in slices if e["cat"] == "vector"] == [
        ("pool1", 160, 160)
    ]
    assert {e["tid"] for e in slices if e["cat"] == "post"} == {START.index("post")}


def test_between_moves_the_origin():
    part = RECORD.between(100 + 300, 100 + 405)
    assert list(part.done("array")) == [0, 100]
    assert list(part.done("vstore")) == [20]


def test_waits_of_a_deadlock_are_named():
    load = isa.encode(isa.LOAD, {}, **{f.name: 1 for f in isa.LOAD.fields})
    array = isa.encode(isa.ARRAY, {"load": 2}, **{f.name: 1 for f in isa.ARRAY.fields})
    end = isa.encode(isa.END, {"array": 1})
    text = log((1, "load+", {}), (9, "load", {})).describe_waits(
        np.frombuffer(load + array + end, np.uint8)
    )
    assert "load: 1 of 1 started, 1 completed" in text
    assert "array: 0 of 1 started, 0 completed; the next waits for load >= 2 (is 1)" in text


def test_hang_is_the_last_row():
    rows = np.zeros(2, ROW)
    assert not EventLog(rows).hung
    rows["events"][1] = HANG
    assert EventLog(rows).hung
