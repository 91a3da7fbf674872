"""The quick ones of the proofs (`make formal` runs all): properties hold, runs exist, mutants are
refuted with waves.
"""

from pathlib import Path

import pytest
from jobs import jobs, run

JOBS = jobs(quick=True)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.title} {job.kind} {job.property}")
def test_proof(job, tmp_path):
    result = run(job, tmp_path)
    assert result["right"], result
    if job.kind == "mutant":
        waves = Path(result["waves"]).read_text()
        assert "$enddefinitions" in waves and waves.count("\n#") >= result["length"]


def test_each_proof_can_fail():
    """Every block has a mutant, which its proofs refute."""
    blocks = {job.proof.block for job in jobs()}
    assert blocks == {job.proof.block for job in jobs() if job.mutant is not None}
