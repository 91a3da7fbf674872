"""What the command line shows: tables of the figures, and the lists of models, operators and
devices.
"""

import difflib
import math
from pathlib import Path

from rich import box
from rich.table import Table

from hwcnn import models
from hwcnn.errors import InputError
from hwcnn.estimate.devices import DEVICES
from hwcnn.frontend.importer import qdq_to_ir, registry  # noqa: F401 (the importer registers the operators)
from hwcnn.preprocess import ORDERS

#: Classes of an output that are shown.
SHOWN = 3


def table(rows, columns=None, numbers=()):
    """A Table of dicts that have the same keys. numbers : columns to the right, beside those that
    hold numbers only.
    """
    rows = list(rows)
    columns = columns or list(rows[0] if rows else ())
    result = Table(box=box.SIMPLE, pad_edge=False)
    for name in columns:
        right = name in numbers or all(isinstance(row[name], int | float | None) for row in rows)
        result.add_column(name.replace("_", " "), justify="right" if right else "left")
    for row in rows:
        result.add_row(*(_text(row[name]) for name in columns))
    return result


def _text(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


def pairs(values):
    """A Table of names and values."""
    result = Table(box=None, show_header=False, pad_edge=False)
    for name, value in values.items():
        result.add_row(name.replace("_", " "), _text(value))
    return result


def generated(values):
    shown = {k: v for k, v in values.items() if k != "host"}
    if values["host"]:
        shown["left to the host"] = values["host"]
    return [pairs(shown)]


def simulated(values):
    plain = {k: v for k, v in values.items() if not isinstance(v, list | dict) and v is not None}
    percent = {
        k: f"{100 * plain[k]:.1f} %"
        for k in ("mac_utilisation", "conv_mac_utilisation")
        if k in plain
    }
    stalls = {f"stall_cycles: {k}": v for k, v in values["stall_cycles"].items()}
    columns = ["name", "op", "cycles", "macs", "mismatches"]
    return [
        table(values["layers"], columns),
        pairs(plain | percent | stalls),
        *_outputs(values["outputs"]),
    ]


def _outputs(outputs):
    rows = []
    for item in outputs:
        for name, value in item["outputs"].items():
            best = ", ".join(f"{t['label']} ({t['value']:.3f})" for t in value["top"][:SHOWN])
            rows.append(
                {
                    "input": item["input"],
                    "output": name,
                    "shape": value["shape"],
                    "largest": best,
                    "cycles": item["cycles"],
                    "mismatches": item["mismatches"],
                }
            )
    return [table(rows)] if rows else []


def resources(values):
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


def _count(value):
    """Whole numbers without a fraction; only halves of a block RAM have one."""
    return (
        f"{value:,.0f}"
        if isinstance(value, int) or (isinstance(value, float) and value == int(value))
        else str(value)
    )


def performance(values):
    plain = {k: v for k, v in values.items() if k != "layers" and not isinstance(v, dict)}
    fps = {f"images a second at {mhz} MHz": v for mhz, v in values["fps_at_mhz"].items()}
    return [
        table(values["layers"]),
        pairs(plain | {"mac_utilisation": f"{100 * values['mac_utilisation']:.1f} %"} | fps),
    ]


def model_list():
    return {
        "models": [
            {"name": i.name, "title": i.title, "input": [i.channels, i.size, i.size]}
            for i in map(models.info, models.names())
        ]
    }


def operator_list():
    return {
        "ops": [
            {
                "name": o.name,
                "runs_on": o.runs_on,
                "attributes": list(o.attributes),
                "limits": o.limits,
            }
            for o in sorted(registry.OPERATORS.values(), key=lambda o: o.name)
        ]
    }


def device_list():
    return {
        "devices": [
            {
                "name": d.name,
                "luts": d.luts,
                "ffs": d.ffs,
                "dsps": d.dsps,
                "brams": d.brams,
                "source": d.source,
            }
            for d in DEVICES.values()
        ]
    }


def preprocess(mean, scale, channels):
    """What --mean, --scale and --channels ask for, as keywords of Preprocess."""
    if channels is not None and channels not in ORDERS:
        raise InputError(f"--channels {channels}: expected one of {', '.join(ORDERS)}")
    given = {
        "mean": mean and _numbers("--mean", mean),
        "scale": scale and _numbers("--scale", scale),
        "order": channels,
    }
    return {name: value for name, value in given.items() if value is not None}


def _numbers(option, text):
    try:
        values = tuple(_ratio(part) for part in text.split(","))
    except (ValueError, ZeroDivisionError) as e:
        raise InputError(
            f"{option} {text}: expected numbers (or ratios such as 1/255), separated by commas"
        ) from e
    if not all(map(math.isfinite, values)):
        raise InputError(f"{option} {text}: expected finite numbers")
    return values


def _ratio(text):
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


def check_name(model):
    """InputError, with the nearest names, for a model that is neither a file nor built in."""
    if Path(model).exists() or Path(model).suffix == ".onnx" or model in models.names():
        return
    near = difflib.get_close_matches(model, models.names(), 3, 0.5)
    hint = (
        f"did you mean {' or '.join(near)}?" if near else "`hwcnn models` lists the built-in ones"
    )
    raise InputError(f"--model {model}: neither a file nor a built-in model; {hint}")
