"""The built-in networks of all tasks but classification, from ONNX to compared results, written to
docs/tasks.md.

    python bench/tasks.py [--pe 16x16] [--reduced | --whole] [--again] [--rtl-cycles N] [NAME ...]

At reduced width and size (hwcnn.models.reduced) each runs in the ISA engine and in RTL. Whole, each
runs in the ISA engine, and in RTL where the cycle model says that it takes at most --rtl-cycles
cycles. Every tensor is compared with the reference. Rows are kept in docs/tasks.json, small
networks come first, and a run goes on where the last one was stopped; --again measures what is
there too.
Exit code 1 for a mismatch, or a network that is refused.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from hwcnn.models.reduced import TASKS
from rich.console import Console

import hwcnn
from hwcnn import models
from hwcnn.errors import InputError, RunError

PAGE = Path(__file__).parents[1] / "docs" / "tasks.md"
#: About three minutes of RTL.
RTL_CYCLES = 70_000_000
SAMPLES = 8
LOG = Console(stderr=True).print
COLUMNS = {
    "task": "<",
    "network": "<",
    "input": "<",
    "width": "g",
    "GMAC": ".3f",
    "host nodes": "d",
    "host MACs": ".2%",
    "SQNR, dB": ".1f",
    "values compared": ",d",
    "mismatches, ISA": ",d",
    "mismatches, RTL": ",d",
    "cycles": ",d",
    "estimated cycles": ",d",
    "MAC utilisation": ".1%",
}
TABLES = {"whole": "Whole networks", "reduced": "At reduced size"}


def measure(name, kind, pe, rtl_cycles):
    """The row of a network, "whole" or "reduced"."""
    width, size = TASKS[name] if kind == "reduced" else (1, None)
    info, model = models.info(name), models.build(name, width, size)
    shapes = {
        i.name: tuple(d.dim_value for d in i.type.tensor_type.shape.dim)[1:]
        for i in model.graph.input
    }
    with tempfile.TemporaryDirectory() as scratch:
        made, run, rtl, predicted = _run(name, model, shapes, Path(scratch), pe, rtl_cycles)
    macs, sqnr = made.macs + made.host_macs, made.to_dict()["sqnr_db"]
    return {
        "kind": kind,
        "task": info.area.replace("_", " "),
        "network": name,
        "input": ", ".join("x".join(map(str, shape)) for shape in shapes.values()),
        "width": width,
        "GMAC": macs / 1e9,
        "host nodes": len(made.host_nodes),
        "host MACs": made.host_macs / macs,
        "SQNR, dB": min((v for v in sqnr.values() if v is not None), default=None),
        "values compared": run.elements_compared,
        "mismatches, ISA": run.mismatches,
        "mismatches, RTL": rtl.mismatches if rtl else None,
        "cycles": rtl.cycles if rtl else None,
        "estimated cycles": predicted.cycles,
        "MAC utilisation": rtl.mac_utilisation if rtl else predicted.mac_utilisation,
    }


def _run(name, model, shapes, scratch, pe, rtl_cycles):
    """Generated, and simulated: as a file with samples, since only files can have another size."""
    path, calibration, one = (scratch / f for f in (f"{name}.onnx", "calibration.npz", "one.npz"))
    onnx.save(model, path)
    feeds = models.feeds(name, shapes, SAMPLES)
    np.savez(calibration, **{n: np.concatenate([f[n] for f in feeds]) for n in shapes})
    np.savez(one, **models.feeds(name, shapes, 1, seed=SAMPLES)[0])
    out = scratch / "generated"
    made = hwcnn.generate(path, pe=pe, out=out, calibrate=[calibration])
    path.unlink()
    predicted = hwcnn.estimate_performance(out)
    found = hwcnn.simulate(out, engine="isa", inputs=[one])
    rtl = hwcnn.simulate(out, inputs=[one]) if predicted.cycles <= rtl_cycles else None
    for run in filter(None, (found, rtl)):
        for line in run.mismatch_lines:
            LOG(line)
    return made, found, rtl, predicted


def record(row, page):
    """Put a row in the place of its predecessor, in the .json beside the page and in the page."""
    rows = {**read(page), (row["kind"], row["network"]): row}
    places = {(kind, name): (k, n) for k, kind in enumerate(TABLES) for n, name in enumerate(TASKS)}
    kept = [rows[key] for key in sorted(rows.keys() & places.keys(), key=places.__getitem__)]
    lines = ",\n".join(json.dumps(r) for r in kept)
    page.with_suffix(".json").write_text(f"[\n{lines}\n]\n")
    parts = [
        f"## {title}\n\n{_table([r for r in kept if r['kind'] == kind])}\n"
        for kind, title in TABLES.items()
    ]
    page.write_text(f"""\
# Tasks

The built-in networks of tasks other than classification, with seeded weights, on a 16x16 array:
`python bench/tasks.py`. Each is quantised with {SAMPLES} samples and run on another one; every
tensor of the accelerator is compared with the reference. "host": nodes of the ONNX model that the
accelerator does not run, and their part of the multiply-accumulates. "SQNR": of the worst output,
against the float network; with seeded weights it says less than on trained ones, and of Show and
tell nothing, since a sentence goes on with other words once one word is another. Whole networks
that take long are not run in RTL (`--rtl-cycles`): their utilisation is that of the estimated
cycles. The multiply-accumulates of "voxels" and "gcn" count zeros (between depths that no tap
joins, and between nodes that are no neighbours), of which passes are left out: utilisation may be
over 100 %.

{chr(10).join(parts)}""")


def read(page):
    """{(kind, network): row}."""
    store = page.with_suffix(".json")
    rows = json.loads(store.read_text()) if store.exists() else []
    return {(row["kind"], row["network"]): row for row in rows}


def _table(rows):
    lines = [list(COLUMNS), ["---" if f == "<" else "---:" for f in COLUMNS.values()]]
    lines += [
        ["-" if row[c] is None else format(row[c], f) for c, f in COLUMNS.items()] for row in rows
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NAME", help=", ".join(TASKS))
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--reduced", action="store_true", help="only at reduced size")
    parser.add_argument("--whole", action="store_true", help="only whole networks")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--rtl-cycles", type=int, default=RTL_CYCLES)
    parser.add_argument("--out", type=Path, default=PAGE)
    args = parser.parse_args(arguments)
    if unknown := sorted(set(args.networks) - set(TASKS)):
        parser.error(f"{unknown[0]} is none of {', '.join(TASKS)}")
    macs = {name: models.Counter(models.info(name)).macs for name in args.networks or TASKS}
    kinds = [kind for kind in ("reduced", "whole") if getattr(args, kind)] or ["reduced", "whole"]
    bad = 0
    for kind in kinds:
        for name in sorted(macs, key=macs.__getitem__):
            if not args.again and (kind, name) in read(args.out):
                continue
            limit = sys.maxsize if kind == "reduced" else args.rtl_cycles
            try:
                row = measure(name, kind, args.pe, limit)
            except (InputError, RunError) as e:  # the others are measured all the same
                LOG(f"{name}, {kind}: {e}", highlight=False)
                bad += 1
                continue
            record(row, args.out)
            LOG(row)
            bad += bool(row["mismatches, ISA"] or row["mismatches, RTL"])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
