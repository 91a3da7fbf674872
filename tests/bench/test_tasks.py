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
