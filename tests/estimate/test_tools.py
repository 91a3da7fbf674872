"""Tools that fail."""

import sys

import pytest

from hwcnn.errors import RunError
from hwcnn.estimate import tools


def test_a_tool_that_fails_is_no_mismatch(tmp_path, monkeypatch):
    """One line with the tool's own error, and where its log is."""
    monkeypatch.setenv("HWCNN_CACHE", str(tmp_path))
    script = "import sys; print('step 1'); print('ERROR: no such cell'); print('bye'); sys.exit(3)"
    with pytest.raises(
        RunError, match="yosys failed with exit code 3: ERROR: no such cell; the whole log: "
    ) as failure:
        tools.run([sys.executable, "-c", script], tmp_path / "yosys.log")
    assert "\n" not in str(failure.value)
    assert (tmp_path / "yosys-failed.log").read_text().split("\n")[0] == "step 1"
