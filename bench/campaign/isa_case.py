"""A numbered case for onnxruntime and the ISA engine: a random network, random configurations."""

import time

import numpy as np

from . import configurations, coverage, engines, ort, recipe
from .stages import Failure, Refused

#: Configurations that each network runs on.
CONFIGURATIONS = 3


def run(seed, number, compared=True):
    """The result, JSON-able: "case", "result" (ok, refused or failed), and what it covered."""
    began = time.monotonic()
    result = {"case": ["isa", number], "refusals": []}
    recipe_, configs = drawn(seed, number)
    try:
        net = engines.from_recipe(recipe_)
        result |= {
            "operators": coverage.operators(net.model),
            "features": coverage.features(net.graph, net.model),
        }
        result |= _on_all(net, configs, number, result["refusals"])
        if compared:
            result["ort"] = ort.agree(net)
    except Refused as e:
        result |= {"result": "refused"}
        result["refusals"].append(str(e))
    except Failure as e:
        result |= {"result": "failed", "signature": e.signature, "detail": e.detail}
    return result | {"seconds": round(time.monotonic() - began, 3)}


def _on_all(net, configs, number, refusals):
    """Run on every configuration that takes the network. Raises Refused where none does."""
    ran = []
    for config in configs:
        try:
            engines.run_isa(net, config, number)
            ran += configurations.classes(config)
        except Refused as e:
            refusals.append(str(e))
    if not ran:
        raise Refused("run", "no configuration takes it")
    return {
        "result": "ok",
        "runs_isa": len(configs) - len(refusals),
        "configurations": sorted(set(ran)),
        "operations": coverage.operations(net.graph),
    }


def drawn(seed, number):
    """(recipe, configurations) of a case."""
    rng = np.random.default_rng([seed, 0, number])
    made = recipe.draw(rng)
    return made, [configurations.draw(rng) for _ in range(CONFIGURATIONS)]
