"""One numbered case for onnxruntime and the ISA engine: a random network on random configurations."""

import time

import numpy as np

from . import configurations, coverage, engines, ort, recipe
from .stages import Failure, Refused

#: Configurations that are tried on a network that the first ones refuse.
CONFIGURATIONS = 3


def run(seed, number, compared=True):
    """The result, JSON-able: "case", "result" (ok, refused or failed), and what it covered."""
    began = time.monotonic()
    result = {"case": ["isa", number], "refusals": []}
    recipe_, configs = drawn(seed, number)
    try:
        net = engines.from_recipe(recipe_)
        result |= {"operators": coverage.operators(net.model), "features": coverage.features(net.graph, net.model)}
        result |= _on_one(net, configs, number, result["refusals"])
        if compared:
            result["ort"] = ort.agree(net)
    except Refused as e:
        result |= {"result": "refused"}
        result["refusals"].append(str(e))
    except Failure as e:
        result |= {"result": "failed", "signature": e.signature, "detail": e.detail}
    return result | {"seconds": round(time.monotonic() - began, 3)}


def _on_one(net, configs, number, refusals):
    """Run on the first configuration that takes the network. Raises Refused of the last."""
    for index, config in enumerate(configs):
        try:
            engines.run_isa(net, config, number)
        except Refused as e:
            if index == len(configs) - 1:
                raise
            refusals.append(str(e))
            continue
        return {"result": "ok", "configurations": configurations.classes(config), "operations": coverage.operations(net.graph)}
    raise AssertionError("no configuration")


def drawn(seed, number):
    """(recipe, configurations) of a case."""
    rng = np.random.default_rng([seed, 0, number])
    made = recipe.draw(rng)
    return made, [configurations.draw(rng) for _ in range(CONFIGURATIONS)]
