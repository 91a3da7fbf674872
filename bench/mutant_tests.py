"""Plug-in for pytest (``-p mutant_tests``): what tests say of the RTL in the current folder, for
`mutants.py`.

A simulator that is found in $HWCNN_CACHE as a link is the original's: the change does not show in
that configuration, and the test is skipped. With $MUTANT_ORIGINAL set, none is built nor runs. The
results go to $MUTANT_REPORT as JSON.

    [{"id", "outcome": "passed", "unchanged", "failed", "hangs" or "stillborn", "seconds",
            "simulator": its folder, or null}, ...]
"""

import json
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from hwcnn import cache
from hwcnn.sim.testbench import verilator_build

#: Seconds after which a test hangs: five times what the longest takes.
LIMIT = 150

TESTS = []
_original, _filling = verilator_build.build, cache.filling
_state = {}


class Hangs(Exception):
    pass


def _named(folder):
    """In place of building it."""
    if folder.parent.name != "verilator" or folder.name.startswith("runtime"):
        return _filling(folder)
    _state["folder"] = folder.name
    pytest.skip("unchanged")


def _build(*args, **options):
    folder = _original(*args, **options)
    _state["folder"] = folder.name
    if folder.is_symlink() or "MUTANT_ORIGINAL" in os.environ:
        pytest.skip("unchanged")
    return folder


verilator_build.build = _build
if "MUTANT_ORIGINAL" in os.environ:
    cache.filling = _named


def _alarm(*_):
    raise Hangs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    _state.update(folder=None, began=time.monotonic())
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(LIMIT)
    try:
        return (yield)
    finally:
        signal.alarm(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" or report.outcome == "failed":
        outcome = "unchanged" if report.outcome == "skipped" else report.outcome
        if call.excinfo is not None and call.excinfo.errisinstance(Hangs):
            outcome = "hangs"
        elif outcome == "failed" and not _state.get("folder") and _in_elaboration(call.excinfo):
            outcome = "stillborn"
        TESTS.append(
            {
                "id": item.nodeid,
                "outcome": outcome,
                "seconds": round(time.monotonic() - _state.get("began", 0), 1),
                "simulator": _state.get("folder"),
            }
        )
    return report


def _in_elaboration(excinfo):
    """Whether an exception comes from describing hardware, or from building what was described."""
    files = [Path(str(entry.path)) for entry in excinfo.traceback]
    return any(
        ("hwcnn", "rtl") in pairwise(f.parts)
        or "amaranth" in f.parts
        or f.name == "verilator_build.py"
        for f in files
    )


def pytest_sessionfinish():
    Path(os.environ["MUTANT_REPORT"]).write_text(json.dumps(TESTS))
