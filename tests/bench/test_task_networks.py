"""Networks of all tasks at reduced size, through `generate` and the ISA engine, and one of each
kind of structure through RTL: equal to the reference in every bit of every tensor.
"""

import importlib.util
import sys
from pathlib import Path

import pytest
from hwcnn.models.reduced import TASKS

BENCH = Path(__file__).parents[2] / "bench"
spec = importlib.util.spec_from_file_location("tasks", BENCH / "tasks.py")
tasks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tasks)

#: Sub-pixels; two outputs, upsampling, leaky ReLU; tanh and absolute values; transposed
#: convolutions behind a bottleneck; PReLU; padded shortcuts.
IN_RTL = ("espcn", "yolov3-tiny", "landmarks68", "context-encoder", "fsrcnn", "face-descriptor")
#: SQNR that outputs have at least. Seeded weights are a hard case: outputs are small differences of
#: large sums, and the classes of a softmax are near one another. A sentence goes on with other
#: words once one is another.
LEAST = dict.fromkeys(TASKS, 10.0) | {"show-and-tell": -10.0}


@pytest.mark.parametrize("name", TASKS)
def test_network(name):
    row = tasks.measure(name, "reduced", "8x8", sys.maxsize if name in IN_RTL else 0)
    assert row["mismatches, ISA"] == 0 and row["values compared"] > 300
    assert row["mismatches, RTL"] == (0 if name in IN_RTL else None)
    assert row["SQNR, dB"] > LEAST[name]


def test_a_run_goes_on_where_the_last_one_was_stopped(tmp_path, monkeypatch):
    page, measured = tmp_path / "tasks.md", []

    def measure(name, kind, pe, rtl_cycles):
        measured.append((kind, name))
        row = {column: 0 if form != "<" else "-" for column, form in tasks.COLUMNS.items()}
        row |= {"kind": kind, "network": name, "cycles": None}
        return row | {"mismatches, ISA": int(name == "gcn")}

    monkeypatch.setattr(tasks, "measure", measure)
    assert tasks.main(["gcn", "--reduced", "--out", str(page)]) == 1
    assert tasks.main(["gcn", "espcn", "--out", str(page)]) == 1
    expected = [("reduced", "gcn"), ("reduced", "espcn"), ("whole", "espcn"), ("whole", "gcn")]
    assert measured == expected
    assert tasks.main(["espcn", "--reduced", "--again", "--out", str(page)]) == 0
    assert measured[4:] == [("reduced", "espcn")]
    whole, reduced = page.read_text().split("\n## ")[1:]
    assert whole.index("espcn") < whole.index("gcn") and "| - | gcn |" in reduced
