"""Makes a failing recipe smaller, and its configuration more ordinary, while the failure keeps its
signature.
"""

import copy
import time
from dataclasses import replace

import numpy as np

from hwcnn.errors import InputError

from .configurations import DEFAULT, RANGES
from .net import Invalid, Picks
from .recipe import Built


def minimise(recipe, config, fails, seconds=60):
    """(recipe, config), as small as found in the time. fails(recipe, config) : whether the same
    failure still occurs.
    """
    until = time.monotonic() + seconds
    progress = True
    while progress and time.monotonic() < until:
        progress = False
        for smaller in _smaller(recipe):
            if time.monotonic() > until:
                break
            smaller = _valid(smaller)
            if smaller is not None and _cost(smaller) < _cost(recipe) and fails(smaller, config):
                recipe, progress = smaller, True
                break
        if progress:
            continue
        for ordinary in _more_ordinary(config):
            if time.monotonic() < until and fails(recipe, ordinary):
                config, progress = ordinary, True
                break
    return recipe, config


def _valid(recipe):
    """The recipe with picks made anew where its layers need more; None where that does not work."""
    recipe = copy.deepcopy(recipe)
    built = Built({"inputs": recipe["inputs"], "layers": []})
    try:
        for entry in recipe["layers"]:
            built.add(entry, Picks(np.random.default_rng(entry["seed"]), entry["picks"]))
        built.model()
    except Invalid:
        return None
    return recipe


def _cost(recipe):
    """What is to become small: layers, sizes of inputs, picks that are not the simplest, wild
    scales.
    """
    picks = sum(
        value != entry["simplest"].get(name, value)
        for entry in recipe["layers"]
        for name, value in entry["picks"].items()
    )
    numbers = sum(
        value
        for entry in recipe["layers"]
        for value in entry["picks"].values()
        if type(value) is int
    )
    quantising = recipe["quantising"]
    return (
        len(recipe["layers"]),
        len(recipe["inputs"]),
        sum(int(np.prod(s)) for s in recipe["inputs"]),
        picks,
        numbers,
        quantising["wild"],
        quantising["unsigned"],
    )


def _smaller(recipe):
    """Candidates, the largest steps first."""
    for number in reversed(range(len(recipe["layers"]))):
        yield from _without(recipe, number)
    for i, shape in enumerate(recipe["inputs"]):
        for axis, size in enumerate(shape):
            for smaller in sorted({1, size // 2, size - 1} - {0, size}):
                candidate = copy.deepcopy(recipe)
                candidate["inputs"][i][axis] = smaller
                yield candidate
    for number, entry in enumerate(recipe["layers"]):
        for name, value in entry["picks"].items():
            simplest = entry["simplest"].get(name, value)
            values = (
                [simplest]
                if type(value) is not int or type(simplest) is not int
                else [simplest, (simplest + value) // 2, value - 1]
            )
            for simpler in values:
                if simpler != value and (type(value) is not int or abs(simpler) <= abs(value)):
                    candidate = copy.deepcopy(recipe)
                    candidate["layers"][number]["picks"][name] = simpler
                    yield candidate
    for name in ("wild", "unsigned"):
        if recipe["quantising"][name]:
            candidate = copy.deepcopy(recipe)
            candidate["quantising"][name] = type(recipe["quantising"][name])(0)
            yield candidate


def _without(recipe, number):
    """Without a layer: its readers read what it reads, one of its operands each try."""
    layers, made = recipe["layers"], len(recipe["inputs"])
    first = made + sum(entry["made"] for entry in layers[:number])
    count = layers[number]["made"]
    for operand in dict.fromkeys(layers[number]["x"]):
        candidate = copy.deepcopy(recipe)
        del candidate["layers"][number]
        for entry in candidate["layers"][number:]:
            entry["x"] = [
                operand if first <= x < first + count else x - count if x >= first else x
                for x in entry["x"]
            ]
        yield candidate


def _more_ordinary(config):
    """Configurations with one more parameter at its default, or all of them."""
    yield from _legal(
        config, **{name: getattr(DEFAULT, name) for name in (*RANGES, "dw_taps", "features")}
    )
    for name in (*RANGES, "dw_taps", "features"):
        if getattr(config, name) != getattr(DEFAULT, name):
            yield from _legal(config, **{name: getattr(DEFAULT, name)})


def _legal(config, **values):
    try:
        changed = replace(config, **values)
    except InputError:
        return
    if changed != config:
        yield changed
