"""The quick ones of the proofs (`make formal` runs all): properties hold, runs exist, mutants are
refuted with waves.
"""

from pathlib import Path
from pkgutil import resolve_name

import pytest
from jobs import jobs, run

from hwcnn import rtl

JOBS = jobs(quick=True)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.title} {job.kind} {job.property}")
def test_proof(job, tmp_path):
    result = run(job, tmp_path)
    assert result["right"], result
    if job.kind == "mutant":
        waves = Path(result["waves"]).read_text()
        assert "$enddefinitions" in waves
        assert waves.count("\n#") >= result["length"]


def test_each_proof_can_fail():
    """Every block has a mutant, which its proofs refute."""
    blocks = {job.proof.block for job in jobs()}
    assert blocks == {job.proof.block for job in jobs() if job.mutant is not None}


RTL = Path(rtl.__file__).parent
MUTANTS = {job.mutant for job in jobs() if job.mutant is not None}


@pytest.mark.parametrize("mutant", sorted(MUTANTS, key=str), ids=lambda m: f"{m.file} {m.old}")
def test_what_a_mutant_changes_is_in_its_file(mutant):
    text = (RTL / mutant.file).read_text()
    changed = mutant.apply(text)
    assert changed != text
    compile(changed, mutant.file, "exec")


def test_what_a_proof_narrows_exists():
    """Proofs set constants of the blocks by their names, and would set new ones as well."""
    paths = {path for job in jobs() for path in job.proof.narrow}
    for path in paths:
        assert resolve_name(f"hwcnn.{path}") is not None, path
