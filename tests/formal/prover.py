"""Proves one property of a block: ``python prover.py FILE PROOF PROPERTY FOLDER [--mutant N]``;
prints its verdict as JSON.

Amaranth writes RTLIL, Yosys makes an and-inverter graph of it, and its ABC searches an inductive
invariant (property directed reachability, IC3) or, for bounded proofs, unrolls. A counterexample is
found again by Yosys' SAT solver, which writes waves.
"""

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
import time
from importlib import resources
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path

import pyosys
from amaranth.back import rtlil
from harness import TOGETHER, Harness, Mutant
from pyosys import libyosys

ABC = Path(pyosys.__file__).parent / "yosys-abc"
#: Frames that are searched for a counterexample of a mutant, or for a run that must exist.
SEARCHED = 60
_FLATTEN = (
    "hierarchy -top top",
    "proc",
    "flatten",
    "memory_collect",
    "memory_map",
    "opt_clean",
    "async2sync",
    "chformal -lower",
    "dffunmap",
    "setundef -undriven -anyseq",
    "opt -fast",
)
_AIG = (
    "formalff -clk2ff",
    "techmap t:$shl t:$shr t:$sshr t:$shift t:$shiftx",
    "simplemap",
    "opt -fast",
    "setundef -undriven -anyseq",
    "opt_clean -purge",
    "aigmap",
    "opt_clean -purge",
)


class _Mutated(SourceFileLoader):
    """Loads a module with a piece of its text replaced."""

    def __init__(self, name, path, mutant):
        super().__init__(name, path)
        self.mutant = mutant

    def get_code(self, name):
        return self.source_to_code(self.mutant.apply(Path(self.path).read_text()), self.path)


class Mutation:
    """Finder of the module that a mutant changes; first in ``sys.meta_path`` before the module is
    imported.
    """

    def __init__(self, mutant):
        self.name, self.mutant = (
            f"hwcnn.rtl.{mutant.file.removesuffix('.py').replace('/', '.')}",
            mutant,
        )

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        return spec_from_loader(
            name,
            _Mutated(
                name, str(resources.files("hwcnn.rtl").joinpath(self.mutant.file)), self.mutant
            ),
        )


def ram_model():
    """``hwcnn_ram.v``, with anything as the result of reading what is being written."""
    text = resources.files("hwcnn.rtl").joinpath("hwcnn_ram.v").read_text()
    model = text.replace("rdata <= ~mem[raddr]", "rdata <= anything")
    if model.count("anything") != 2:
        raise ValueError(
            "hwcnn_ram.v: expected two read ports of undefined collisions: adapt prover.py"
        )
    return model.replace(
        "    generate\n", "    wire [WIDTH-1:0] anything = $anyseq;\n    generate\n", 1
    )


def write_model(harness, folder):
    """flat.il, for the waves, and model.aig, of a harness with one assertion."""
    text = rtlil.convert(harness.m, ports=[harness.domain.clk], name="top", emit_src=False)
    (folder / "top.il").write_text(re.sub(r"^\s*attribute \\init .*\n", "", text, flags=re.M))
    (folder / "ram.v").write_text(ram_model())
    design = libyosys.Design()
    for command in (
        f"read_rtlil {folder}/top.il",
        f"read_verilog -sv -formal {folder}/ram.v",
        *_FLATTEN,
        f"write_rtlil {folder}/flat.il",
        *_AIG,
        f"write_aiger -I -L -B -zinit {folder}/model.aig",
    ):
        libyosys.run_pass(command, design)


def solve(folder, bound, seconds):
    """(verdict, frames, clauses of the invariant) of model.aig; the verdict is proved, bounded,
    refuted or unknown.
    """
    engine = f"bmc3 -F {bound} -T {seconds}" if bound else f"pdr -v -T {seconds}"
    script = f"read_aiger {folder}/model.aig; fold; strash; {engine}; print_status"
    log = subprocess.run(
        [str(ABC), "-c", script], capture_output=True, text=True, timeout=seconds + 60
    ).stdout
    (folder / "abc.log").write_text(log)
    if refuted := re.search(r"asserted in frame (\d+)", log):
        return "refuted", int(refuted[1]), None
    if "All outputs solved or timed out in frame 1." in log and not bound:
        return "proved", 0, 0  # the property is the constant 1 already
    if "Property proved" in log:
        return (
            "proved",
            *map(int, re.search(r"Invariant F\[(\d+)\] : (\d+) clauses", log).groups()),
        )
    if bound and (explored := re.search(r"No output asserted in (\d+) frames", log)):
        return ("bounded" if int(explored[1]) >= bound else "unknown"), int(explored[1]), None
    return "unknown", None, None


def induct(folder, seconds):
    """(verdict, induction length) of flat.il by Yosys' SAT solver, whose output is in yosys.log."""
    design, log = libyosys.Design(), folder / "yosys.log"
    for command in (
        f"read_rtlil {folder}/flat.il",
        "opt_clean",
        f"sat -tempinduct -set-assumes -prove-asserts -maxsteps 12 -timeout {seconds} top",
    ):
        libyosys.run_pass(command, design)
    text = log.read_text()
    if "Induction step proven: SUCCESS" in text:
        return "proved", int(re.findall(r"induction step (\d+)", text)[-1])
    refuted = re.search(
        r"base case (\d+)\](?!.*base case).*SAT proof finished - model found: FAIL",
        text,
        flags=re.S,
    )
    return ("refuted", int(refuted[1])) if refuted else ("unknown", None)


def write_waves(folder, frames):
    """The counterexample of `frames` cycles as waves.vcd; returns its path."""
    design, path = libyosys.Design(), folder / "waves.vcd"
    for command in (
        f"read_rtlil {folder}/flat.il",
        f"sat -seq {frames} -set-assumes -prove-asserts -show-public -dump_vcd {path} top",
    ):
        libyosys.run_pass(command, design)
    return path


def _set(path, value):
    """Set a constant of a module of hwcnn, or an attribute of a class of one; isa.WAIT_BITS, or
    rtl.bus.axi.ReadMux.IN_FLIGHT.
    """
    *path, name = path
    of_class = path[-1][0].isupper()
    owner = importlib.import_module(".".join(["hwcnn", *(path[:-1] if of_class else path)]))
    setattr(getattr(owner, path[-1]) if of_class else owner, name, value)


def prove(file, number, name, folder, mutant=None, narrow=None, seconds=200):
    """The verdict of property `name` of proof `number` of `file`; in this process `mutant` changes
    the block and `narrow` its constants, so nothing of hwcnn.rtl may be imported yet.
    """
    if mutant is not None:
        sys.meta_path.insert(0, Mutation(mutant))
    for path, value in (narrow or {}).items():
        _set(path.split("."), value)
    proof = importlib.import_module(file).PROOFS[number]
    begun, harness = time.monotonic(), Harness()
    proof.build(harness, **proof.parameters)
    harness.check(name)
    write_model(harness, folder)
    searched, clauses = mutant is not None or name in harness.reaches, None
    if name == TOGETHER:
        engine, (verdict, length) = "k-induction", induct(folder, seconds)
    else:
        bound = SEARCHED if searched else proof.bounds.get(name)
        engine, (verdict, length, clauses) = (
            "unrolling" if bound else "PDR",
            solve(folder, bound, seconds),
        )
    result = {
        "property": name,
        "verdict": verdict,
        "engine": engine,
        "length": length,
        "clauses": clauses,
    }
    if verdict == "refuted":
        result["waves"] = str(write_waves(folder, length + 1))
    return result | {"seconds": round(time.monotonic() - begun, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("proof", type=int)
    parser.add_argument("property")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--narrow", type=json.loads, help="as in harness.Proof")
    parser.add_argument("--mutant", type=json.loads, help="[file, old, new, property]")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    out = os.dup(1)
    log = os.open(options.folder / "yosys.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)  # Yosys writes there itself
    mutant = Mutant(*options.mutant) if options.mutant else None
    result = prove(
        options.file, options.proof, options.property, options.folder, mutant, options.narrow
    )
    os.write(out, json.dumps(result).encode())


if __name__ == "__main__":
    main()
