"""What the command line shows of a verb's JSON object: tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from hwcnn.quality import Loss
from hwcnn.results import (
    GenerateResult,
    PerformanceEstimate,
    ResourceEstimate,
    SampleResult,
    SimulateResult,
)

#: Classes of an output that are shown.
SHOWN = 3
#: Kinds of nodes on the host that are listed.
MOST_LINES = 20


def table(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
    numbers: Sequence[str] = (),
) -> Table:
    """A Table of dicts that have the same keys. numbers : columns to the right, beside those that
    hold numbers only.
    """
    rows = list(rows)
    columns = columns or list(rows[0] if rows else ())
    result = Table(box=box.SIMPLE, pad_edge=False)
    for name in columns:
        right = name in numbers or all(isinstance(row[name], int | float | None) for row in rows)
        result.add_column(
            name.replace("_", " "), justify="right" if right else "left", overflow="fold"
        )
    for row in rows:
        result.add_row(*(_text(row[name]) for name in columns))
    return result


def models(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    """A table for each task, under its name."""
    tables = []
    for task in dict.fromkeys(row["task"] for row in rows):
        shown = [
            {
                "name": row["name"],
                "input": "x".join(map(str, row["input"])),
                "GMACs": row["gmacs"],
                "network": row["title"],
                "citation": row["citation"],
            }
            for row in rows
            if row["task"] == task
        ]
        tables.append(table(shown))
        tables[-1].title, tables[-1].title_justify = task, "left"
    return tables


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


def pairs(values: Mapping[str, Any]) -> Table:
    """A Table of names and values."""
    result = Table(box=None, show_header=False, pad_edge=False)
    for name, value in values.items():
        result.add_row(name.replace("_", " "), _text(value))
    return result


def generated(made: GenerateResult) -> list[Table]:
    """What `hwcnn generate` shows."""
    left_out = {"host_nodes", "host_macs", *(f.name for f in fields(Loss))}
    shown = {k: v for k, v in made.to_dict().items() if k not in left_out}
    if made.host_nodes:
        shown["host"] = _host(made)
    return [pairs(shown), *(_loss(made.loss) if made.loss else ())]


def _loss(loss: Loss) -> list[Table]:
    """Float against int8: outputs, then the layers that lose most."""
    rows = {f"{name}: SQNR": _decibels(value) for name, value in loss.sqnr_db.items()}
    count = loss.samples_compared
    rows |= {f"{name}: same class": f"{n} of {count}" for name, n in loss.top1_agreement.items()}
    worst = [
        {
            "layer that loses most": layer.name,
            "op": layer.op,
            "SQNR before": _decibels(layer.sqnr_before_db),
            "after": _decibels(layer.sqnr_db),
        }
        for layer in loss.worst_layers
    ]
    title = {"float against int8": f"{count} calibration samples"}
    return [pairs(title | rows), *([table(worst)] if worst else [])]


def _decibels(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f} dB"


def _host(made: GenerateResult) -> str:
    """How much the host computes, and a line for nodes that are alike."""
    groups: dict[tuple[str, str], list[str]] = {}
    for node in made.host_nodes:
        groups.setdefault((node.op, node.reason), []).append(node.name)
    lines = [
        f"{', '.join(names[:SHOWN])}{' ...' if len(names) > SHOWN else ''} "
        f"({f'{len(names)} ' if len(names) > 1 else ''}{op}): {reason}"
        for (op, reason), names in groups.items()
    ]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more kinds: see --json"]
    share = 100 * made.host_macs / max(made.macs + made.host_macs, 1)
    return "\n".join([f"{len(made.host_nodes)} nodes, {share:.1f} % of the MACs:", *lines])


def simulated(found: SimulateResult) -> list[Table]:
    """What `hwcnn simulate` shows."""
    values = found.to_dict()
    plain = {k: v for k, v in values.items() if not isinstance(v, list | dict) and v is not None}
    percent = {
        k: f"{100 * plain[k]:.1f} %"
        for k in ("mac_utilisation", "conv_mac_utilisation", "multiplier_utilisation")
        if k in plain
    }
    stalls = {f"stall_cycles: {k}": v for k, v in found.stall_cycles.items()}
    close = {
        f"{name} against float": f"SQNR {_decibels(c.sqnr_db)}, at most {c.max_abs_error:.3g} off"
        for name, c in found.against_float.items()
    }
    columns = ["name", "op", "cycles", "macs", "mismatches"]
    return [
        table(values["layers"], columns),
        pairs(plain | percent | stalls | close),
        *_outputs(found.outputs),
    ]


def _outputs(samples: Sequence[SampleResult]) -> list[Table]:
    """The largest values of each output; instead of them what the network says, if it does more
    than classify.
    """
    plain, answered = list[dict[str, Any]](), list[dict[str, Any]]()
    for sample in samples:
        checked = {"cycles": sample.cycles, "mismatches": sample.mismatches}
        answer = sample.answer
        if answer and answer["task"] != "classify":
            drawn = {"picture": _near(answer["picture"])} if answer["picture"] else {}
            answered.append(
                {"input": sample.input, answer["task"]: answer["text"]} | checked | drawn
            )
            continue
        for name, output in sample.outputs.items():
            largest = ", ".join(f"{e.label} ({e.value:.3f})" for e in output.top[:SHOWN])
            shown = {"output": name, "shape": output.shape, "largest": largest}
            plain.append({"input": sample.input} | shown | checked)
    return [table(rows) for rows in (plain, answered) if rows]


def _near(path: str) -> str:
    """A path as seen from the current folder, where it is below that."""
    inside = Path(path).resolve()
    return str(inside.relative_to(Path.cwd())) if inside.is_relative_to(Path.cwd()) else path


def resources(found: ResourceEstimate) -> list[Table]:
    """What `hwcnn estimate resources` shows."""
    values = found.to_dict()
    kinds = tuple(values["percent"])
    whole = {"name": "sum", **{kind: values[kind] for kind in kinds}}
    share = {
        "name": f"of {values['device']}",
        **{kind: f"{values['percent'][kind]:.1f} %" for kind in kinds},
    }
    plain = {
        k: v
        for k, v in values.items()
        if k not in (*kinds, "percent", "components", "in_luts", "critical_path") and v is not None
    }
    if values["in_luts"]["multipliers"]:
        plain["multipliers in LUTs"] = values["in_luts"]["multipliers"]
    if values["in_luts"]["rams"]:
        plain["RAMs in LUTs"] = f"up to {values['in_luts']['rams']} words"
    if values["critical_path"]:
        plain["slowest path"] = "\n".join(values["critical_path"])
    rows = [*values["components"], whole, share]
    return [
        table([{k: _count(v) for k, v in row.items()} for row in rows], numbers=kinds),
        pairs(plain),
    ]


def _count(value: object) -> str:
    """Whole numbers without a fraction; only halves of a block RAM have one."""
    return (
        f"{value:,.0f}"
        if isinstance(value, int) or (isinstance(value, float) and value == int(value))
        else str(value)
    )


def performance(found: PerformanceEstimate) -> list[Table]:
    """What `hwcnn estimate performance` shows."""
    values = found.to_dict()
    plain = {k: v for k, v in values.items() if k != "layers" and not isinstance(v, dict)}
    if found.host_nodes:
        plain["host_nodes"] = f"{found.host_nodes}, not in the cycles"
    fps = {f"images a second at {mhz} MHz": v for mhz, v in values["fps_at_mhz"].items()}
    return [
        table(values["layers"]),
        pairs(plain | {"mac_utilisation": f"{100 * values['mac_utilisation']:.1f} %"} | fps),
    ]
