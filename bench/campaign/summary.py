"""What a campaign's results come to: counts, failures by signature, refusals by reason, what was
not covered.
"""

import collections
import itertools

from . import configurations, coverage


def summary(results):
    """JSON-able figures of a `results.Results`."""
    isa, groups = results.of("isa"), results.of("rtl")
    ran = [line for line in isa if line["result"] == "ok"]
    runs = [run for group in groups for run in group["runs"]]
    good = [group for group in groups if any(run["result"] == "ok" for run in group["runs"])]
    refusals = collections.Counter(text for line in (*isa, *groups) for text in line["refusals"])
    return {
        "sources": results.sources,
        "isa_networks": len(ran),
        "isa_runs": sum(line["runs_isa"] for line in ran),
        "networks_refused": sum(line["result"] == "refused" for line in isa),
        "ort_networks": sum("ort" in line for line in isa),
        "ort_layers": _agreement(isa),
        "rtl_runs": sum(run["result"] == "ok" and run["network"] >= 0 for run in runs),
        "rtl_networks": sum(
            len({run["network"] for run in group["runs"] if run["result"] == "ok"})
            for group in groups
        ),
        "rtl_configurations": len({str(group["configuration"]) for group in good}),
        "rtl_sides": dict(sorted(collections.Counter(group["pe"] for group in good).items())),
        "rtl_cycles": sum(run.get("cycles", 0) for run in runs),
        "faults_injected": sum(len(group["errors"]) for group in groups),
        "failures": dict(failures(results).most_common()),
        "refusals": dict(refusals.most_common()),
        "not_covered": _missing(ran, groups),
        "pairs": _binary_chains(ran, groups),
        "cpu_seconds": round(sum(line["seconds"] for line in (*isa, *groups))),
    }


def failures(results):
    """Counter of signatures."""
    drawn = results.of("isa") + results.of("split")
    lines = [line for line in drawn if line["result"] == "failed"]
    lines += [
        run for group in results.of("rtl") for run in group["runs"] if run["result"] == "failed"
    ]
    return collections.Counter(line["signature"] for line in lines)


def _agreement(lines):
    """{operation: [elements, share that is equal in %]}."""
    totals = collections.defaultdict(lambda: [0, 0])
    for line in lines:
        for op, (elements, equal) in line.get("ort", {}).items():
            totals[op][0] += elements
            totals[op][1] += equal
    return {
        op: [elements, round(100 * equal / elements, 4)]
        for op, (elements, equal) in sorted(totals.items())
    }


def _missing(ran, groups):
    """{kind of bin: those that nothing covered}, empty kinds left out."""
    universe = coverage.universe()
    seen = {
        "operators": {op for line in ran for op in line["operators"]},
        "features": {f for line in ran for f in line["features"]},
        "configurations (ISA)": {c for line in ran for c in line["configurations"]},
        "configurations (RTL)": {c for group in groups for c in group["configurations"]},
        "operations (RTL)": {op for group in groups for op in group["operations"]},
        "stalls (RTL)": {s for group in groups for s in group["stalls"]},
        "queues (RTL)": {q for group in groups for q in group["queues"]},
        "errors (RTL)": {e for group in groups for e in group["errors"]},
    }
    missing = {kind: sorted(set(universe[kind.split()[0]]) - found) for kind, found in seen.items()}
    return {kind: names for kind, names in missing.items() if names}


def _binary_chains(ran, groups):
    """Of operators and operations times configurations' classes: [covered, possible, the first
    missing].
    """

    def count(names, lines, key):
        possible = {
            pair
            for pair in itertools.product(names, configurations.all_classes())
            if not _impossible(*pair)
        }
        seen = {
            pair
            for line in lines
            for pair in itertools.product(line.get(key, ()), line["configurations"])
        }
        return [
            len(possible & seen),
            len(possible),
            [" x ".join(p) for p in sorted(possible - seen)][:40],
        ]

    return {
        "ONNX operators x configurations (ISA)": count(
            coverage.universe()["operators"], ran, "operators"
        ),
        "operations x configurations (RTL)": count(coverage.OPERATIONS, groups, "operations"),
    }


def _impossible(name, kind):
    """Operations without the function that they need."""
    needs = {
        "Pool": "pool",
        "Eltwise": "eltwise",
        "Affine": "affine",
        "Lut": "lut",
        "Lrn": "lrn",
        "LRN": "lrn",
    }
    return kind == f"without {needs.get(name)}"


def text(figures):
    """For a terminal."""
    lines = [
        f"{figures[name]:>9,} {what}"
        for name, what in (
            ("isa_networks", "networks through the ISA engine"),
            ("isa_runs", "runs of these, on configurations"),
            ("ort_networks", "of them against onnxruntime"),
            ("networks_refused", "networks refused"),
            ("rtl_runs", "RTL runs under stalls"),
            ("rtl_configurations", "configurations of them"),
            ("faults_injected", "injected faults, all reported as they should"),
        )
    ]
    lines += (
        ["failures by signature:"]
        + [f"{n:>9} {what}" for what, n in figures["failures"].items()]
        + ["refusals by reason:"]
    )
    lines += [f"{n:>9} {what}" for what, n in list(figures["refusals"].items())[:40]]
    lines += [
        f"equal to onnxruntime, {op}: {share} % of {elements:,}"
        for op, (elements, share) in figures["ort_layers"].items()
    ]
    lines += [
        f"covered: {seen} of {possible} {what}"
        for what, (seen, possible, _) in figures["pairs"].items()
    ]
    lines += [
        f"not covered, {kind}: {', '.join(names)}" for kind, names in figures["not_covered"].items()
    ]
    return "\n".join(lines)
