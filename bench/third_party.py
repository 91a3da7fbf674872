"""Networks that others wrote, exported from torchvision and pytorchcv: what of each runs, and
whether it is right.

    pip install -e ".[third-party]"
    python bench/third_party.py --all | NAME ... [--again | --retry] [--pe RxC]
                                                  [--seed N] [--limit SECONDS]
    python bench/third_party.py --list

Each network is exported with seeded weights (third_party_networks.py), generated, run in the ISA
engine, which is compared with the reference, and replayed in the cycle model; one at a time, in a
process of its own. docs/third_party.json holds the figures and docs/third_party.md shows them. A
run that was stopped goes on where it was: networks in the JSON file stay as they are unless --again
is given, or --retry, which measures those again that were refused or failed. Exit code 1 for a
mismatch, a network that is refused, or a failure.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import hwcnn
from hwcnn.errors import InputError, RunError

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "docs" / "third_party.json"
INTRO = """\
# Networks of other packages

Networks of torchvision and pytorchcv, and a few by their published definition, exported by
`torch.onnx.export` with seeded weights: generated for {pe} PEs, compared bit by bit between the ISA
engine and the reference, and timed by the cycle model. Inputs of large networks are smaller than
usual, which lowers utilisation. The share of the host is in multiply-accumulates of nodes whose
shapes are known; heads behind RoiAlign have as many rows as there are regions, and are not counted.
Made by `python bench/third_party.py --all`, with {versions}.

{summary}
"""
COLUMNS = {
    "network": "name",
    "from": "library",
    "exporter": "exporter",
    "input": "input",
    "GMAC": "gmac",
    "host nodes": "host_nodes",
    "host MACs, %": "host_percent",
    "values compared": "elements_compared",
    "mismatches": "mismatches",
    "cycles": "cycles",
    "utilisation, %": "utilisation",
    "generate s": "generate_seconds",
    "ISA s": "isa_seconds",
}


def measure(name, pe, seed, keep):
    """All figures of one network. keep : called with what is known so far."""
    import third_party_networks as networks

    network = networks.NETWORKS[name]
    height, width = network.size
    record = {
        "name": network.model,
        "library": network.library,
        "exporter": "torch.export" if network.dynamo else "TorchScript",
        "input": f"{network.channels}x{height}x{width}",
        "pe": pe,
        "versions": networks.versions(),
    }
    keep(record | {"failed": "export"})
    with tempfile.TemporaryDirectory() as scratch:
        path, out = Path(scratch) / f"{network.model}.onnx", Path(scratch) / "generated"
        networks.export(network, path, seed)
        keep(record | {"failed": "generate: out of time"})
        began = time.monotonic()
        try:
            made = hwcnn.generate(path, pe=pe, out=out, seed=seed).to_dict()
        except InputError as e:
            return record | {"refused": str(e).replace(scratch, "")}
        record |= {
            "gmac": made["macs"] / 1e9,
            **_host(made),
            "generate_seconds": time.monotonic() - began,
        }
        keep(record | {"failed": "simulate: out of time"})
        began = time.monotonic()
        run = hwcnn.simulate(out, engine="isa", seed=seed)
        record |= {
            "elements_compared": run.elements_compared,
            "mismatches": run.mismatches,
            "isa_seconds": time.monotonic() - began,
        }
        keep(record | {"failed": "estimate: out of time"})
        speed = hwcnn.estimate_performance(out)
        return record | {"cycles": speed.cycles, "utilisation": 100 * speed.mac_utilisation}


def _host(made):
    """What of a network the host runs: number of nodes, their operators, their share."""
    nodes = made.get("host_nodes", made.get("host", []))
    operators = Counter(
        node["op"] if isinstance(node, dict) else node.split("(")[-1].rstrip(")") for node in nodes
    )
    macs = made.get("host_macs", 0)
    return {
        "host_nodes": len(nodes),
        "host_operators": dict(operators.most_common()),
        "host_percent": 100 * macs / max(1, macs + made["macs"]),
    }


def one(name, pe, seed, out):
    """The child process: writes the record of one network to `out`, after each step."""

    def keep(record):
        out.write_text(json.dumps(record))

    try:
        keep(measure(name, pe, seed, keep))
    except Exception as e:
        step = json.loads(out.read_text()) if out.exists() else {"name": name}
        where = step.get("failed", "export").partition(":")[0]
        kind = "" if isinstance(e, RunError) else f"{type(e).__name__}: "
        text = " ".join(str(e).split())[:300]
        keep(step | {"failed": f"{where}: {kind}{text}"})


def _run(name, args):
    """The record of a network, measured in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "record.json"
        options = ["--pe", args.pe, "--seed", str(args.seed), "--one", str(out)]
        command = [sys.executable, __file__, name, *options]
        try:
            done = subprocess.run(command, timeout=args.limit, capture_output=True, text=True)
        except subprocess.TimeoutExpired:
            done = None
        record = json.loads(out.read_text()) if out.exists() else {"name": name, "failed": "start"}
        if done is not None and done.returncode:
            lines = done.stderr.strip().splitlines()
            step = record.get("failed", "").partition(":")[0]
            record["failed"] = f"{step}: {lines[-1] if lines else done.returncode}"
        return record


def page(records):
    """docs/third_party.md."""
    good = [r for r in records.values() if _passed(r)]
    bad = {name: r for name, r in sorted(records.items()) if not _passed(r)}
    whole = sum(not r["host_nodes"] for r in good)
    summary = (
        f"{len(good)} of {len(records)} networks run without a mismatch, {whole} of them whole on "
        f"the accelerator; {sum(r['elements_compared'] for r in good):,} values compared."
    )
    some = next(iter(records.values()), {})
    text = INTRO.format(
        versions=some.get("versions", ""), pe=some.get("pe", "16x16"), summary=summary
    )
    rows = [list(COLUMNS), ["---"] * 4 + ["---:"] * (len(COLUMNS) - 4)]
    rows += [[_cell(records[name], key) for key in COLUMNS.values()] for name in sorted(records)]
    text += "\n" + "".join("| " + " | ".join(row) + " |\n" for row in rows)
    if with_host := [(n, r) for n, r in sorted(records.items()) if r.get("host_operators")]:
        text += "\n## What the host runs\n\n"
        for name, record in with_host:
            nodes = (f"{count} {op}" for op, count in record["host_operators"].items())
            text += f"- {name}: {', '.join(nodes)}\n"
    if bad:
        text += "\n## Refused or failed\n\n"
        for name, record in bad.items():
            why = (
                record.get("refused")
                or record.get("failed")
                or f"{record['mismatches']} mismatches"
            )
            text += f"- {name}: {' '.join(why.split())[:600]}\n"
    return text


def _passed(record):
    return not record.get("refused") and not record.get("failed") and record["mismatches"] == 0


def _cell(record, key):
    value = record.get(key, "-")
    if isinstance(value, float):
        return f"{value:.3f}" if key == "gmac" else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NAME")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true", help="names of the networks")
    parser.add_argument(
        "--again", action="store_true", help="measure what was measured already too"
    )
    parser.add_argument("--retry", action="store_true", help="measure what did not pass again")
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=900, help="seconds for a network")
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.one:
        one(args.networks[0], args.pe, args.seed, args.one)
        return 0
    from third_party_networks import NETWORKS

    if args.list:
        print(*NETWORKS, sep="\n")
        return 0
    if unknown := sorted(set(args.networks) - set(NETWORKS)):
        parser.error(f"{unknown[0]} is none of {', '.join(NETWORKS)}")
    wanted = list(NETWORKS) if args.all else args.networks
    for name in wanted:
        records = _read(args.records)
        if name in records and not args.again and (_passed(records[name]) or not args.retry):
            continue
        record = _run(name, args)
        records = _read(args.records) | {name: record}  # another run may write there too
        args.records.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n")
        args.records.with_suffix(".md").write_text(page(records))
        verdict = (
            record.get("refused") or record.get("failed") or f"{record['mismatches']} mismatches"
        )
        print(f"{name}: {verdict[:200]}", flush=True)
    records = _read(args.records)
    return 0 if all(_passed(records[name]) for name in wanted) else 1


def _read(path):
    return json.loads(path.read_text()) if path.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
