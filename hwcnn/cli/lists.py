"""What there is to choose from: models, operators and devices, as JSON objects. Each loads only
what it lists.
"""

from typing import Any


def models() -> dict[str, list[dict[str, Any]]]:
    """The built-in networks, task by task."""
    from hwcnn import models

    found = map(models.info, models.names())
    return {
        "models": [
            {
                "task": i.area.replace("_", " "),
                "name": i.name,
                "title": i.title,
                "input": list(i.shape),
                "gmacs": round(models.Counter(i).macs / 1e9, 4),
                "citation": i.citation,
            }
            for i in found
        ]
    }


def operators() -> dict[str, list[dict[str, Any]]]:
    """The ONNX operators that are supported, with their limits."""
    from hwcnn.frontend.importer import qdq_to_ir  # noqa: F401 (registers the operators)
    from hwcnn.frontend.importer.registry import OPERATORS

    found = sorted(OPERATORS.values(), key=lambda operator: operator.name)
    return {
        "ops": [
            {
                "name": o.name,
                "runs_on": o.runs_on,
                "attributes": list(o.attributes),
                "limits": o.limits,
            }
            for o in found
        ]
    }


def devices() -> dict[str, list[dict[str, Any]]]:
    """The FPGAs that are known by name."""
    from hwcnn.estimate.devices import DEVICES

    keys = ("name", "luts", "ffs", "dsps", "brams", "source")
    return {"devices": [{key: getattr(d, key) for key in keys} for d in DEVICES.values()]}
