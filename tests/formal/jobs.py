"""The proofs as jobs, each a process of its own: Yosys ends its process where it meets an error."""

import importlib
import json
import re
import subprocess
import sys
import time
from dataclasses import astuple, dataclass
from pathlib import Path

from harness import TOGETHER, Harness, Mutant, Proof

HERE = Path(__file__).parent
FILES = sorted(path.stem for path in HERE.glob("proofs_*.py"))
#: A property is proved, of a mutant refuted, and a run that must exist is found.
KINDS = {"property": ("proved", "bounded"), "mutant": ("refuted",), "reach": ("refuted",)}


@dataclass(frozen=True)
class Job:
    """One property of proof `number` of `file`; kind: a key of `KINDS`; covers: what `TOGETHER`
    stands for.
    """

    file: str
    number: int
    proof: Proof
    kind: str
    property: str
    mutant: Mutant | None = None
    covers: tuple[str, ...] = ()

    @property
    def title(self):
        text = ", ".join(
            f"{name} {value}"
            for name, value in (
                self.proof.parameters
                | {path.split(".")[-1]: value for path, value in self.proof.narrow.items()}
            ).items()
        )
        return f"{self.proof.block}({text})" if text else self.proof.block

    @property
    def folder(self):
        text = f"{self.file}_{self.number}_{self.kind}_{self.property}"
        return re.sub(
            r"\W+",
            "_",
            text if self.mutant is None else f"{text}_{self.proof.mutants.index(self.mutant)}",
        )


def jobs(files=FILES, quick=False):
    """All jobs, or those of ``make test``."""
    found = []
    for file in files:
        for number, proof in enumerate(importlib.import_module(file).PROOFS):
            if quick and not proof.quick:
                continue
            harness = Harness()
            proof.build(harness, **proof.parameters)
            harness.discard()
            names = [TOGETHER] if harness.lemmas else harness.properties
            found += [
                Job(file, number, proof, "property", name, covers=tuple(harness.properties))
                for name in names
            ]
            found += [Job(file, number, proof, "reach", name) for name in harness.reaches]
            found += [
                Job(file, number, proof, "mutant", mutant.property, mutant)
                for mutant in proof.mutants
            ]
    return found


def run(job, folder):
    """The result of a job: what `prover.prove` returns, and whether it is `right`; `failure` says
    why the prover failed.
    """
    folder = Path(folder) / job.folder
    command = [
        sys.executable,
        str(HERE / "prover.py"),
        job.file,
        str(job.number),
        job.property,
        str(folder),
    ]
    if job.mutant is not None:
        command += ["--mutant", json.dumps(astuple(job.mutant))]
    if job.proof.narrow:
        command += ["--narrow", json.dumps(job.proof.narrow)]
    begun = time.monotonic()
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()
        return {
            "property": job.property,
            "verdict": "failed",
            "right": False,
            "failure": lines[-1] if lines else f"see {folder}/yosys.log",
            "seconds": round(time.monotonic() - begun, 2),
            "length": None,
            "clauses": None,
        }
    result = json.loads(ended.stdout)
    return result | {"right": result["verdict"] in KINDS[job.kind]}
