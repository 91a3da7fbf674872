"""A failing case as two small files, NAME.onnx and NAME.json, that run again without the generator
that made them.
"""

import json
import re
from pathlib import Path

import onnx

from hwcnn.config import AccelConfig
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.sim.engines.rtl_engine import RtlSimulator

from . import engines, ort, rtl_case, stages
from .results import ROOT
from .stages import Failure, Refused

#: What `replay` gives: all engines agree, or the tool refuses the case in one line.
EXACT, REFUSED = "exact", "refused"
#: Characters of a failure's detail that are kept, its last lines.
DETAIL = 600


def save(path, recipe, config, seed, failure, bus=None):
    """Write PATH.onnx and PATH.json. bus : stalls, read_latency and write_latency of an RTL run,
    None for the other engines.

    The model is the quantised one, so that later quantisers do not change it, unless quantising is
    what fails.
    """
    path = Path(path)
    model, samples = engines.quantised(recipe)
    if not failure.signature.startswith("quantise"):
        try:
            model = quantise(model, samples)
        except Exception:  # the failure is before
            pass
    onnx.save(model, path.with_suffix(".onnx"))
    text = {
        "signature": failure.signature,
        "detail": detail_of(failure.detail),
        "expect": EXACT,
        "batch": recipe.get("batch", 1),
        "seed": seed,
        "samples": recipe["quantising"]["seed"],
        "config": config.to_dict(),
        "bus": bus,
    }
    path.with_suffix(".json").write_text(json.dumps(text, indent=1) + "\n")
    return path


def detail_of(text):
    """The last whole lines of a failure's detail, without the places of this machine: paths in the
    repository are relative to it, those of packages to where packages are; of others the name is
    left.
    """
    lines = re.sub(r"(?<![\w./-])/(?:[^/\s\"']+/)+[^/\s\"']*", _portable, text).splitlines(True)
    while sum(map(len, lines)) > DETAIL and len(lines) > 1:
        del lines[0]
    return "".join(lines)[-DETAIL:]


def _portable(match):
    path = Path(match[0])
    if path.is_relative_to(ROOT) and "site-packages" not in path.parts:
        return path.relative_to(ROOT).as_posix()
    return match[0].rpartition("/site-packages/")[2] if "site-packages" in path.parts else path.name


def replay(path):
    """Run a saved case on every engine that it is for: `EXACT` or `REFUSED`. Raises Failure."""
    case = json.loads(Path(path).with_suffix(".json").read_text())
    model = onnx.load(Path(path).with_suffix(".onnx"))
    config = AccelConfig.from_dict(case["config"])
    try:
        with stages.stage("load"):
            model = engines.normalise(model, str(path))
        samples = engines.random_samples(model, case["samples"])
        net = engines.network(model, samples, case["batch"])
        ort.agree(net)
        design = engines.run_isa(net, config, case["seed"])
        if case["bus"]:
            run_rtl(design, case["seed"], case["bus"])
    except Refused:
        return REFUSED
    return EXACT


def run_rtl(design, seed, bus, images=3):
    """The RTL on a design. Raises Failure."""
    with RtlSimulator(
        rtl_case.build(design.config), rtl_case.SIZE, hang=rtl_case.HANG_CYCLES, **bus
    ) as simulator:
        for _ in rtl_case.images_through(simulator, design, seed, images):
            pass


def failure_of(recipe, config, seed, bus=None):
    """The Failure of a recipe on a configuration, None if it runs, or is refused, or cannot be
    built.
    """
    try:
        net = engines.from_recipe(recipe)
        ort.agree(net)
        design = engines.run_isa(net, config, seed)
        if bus:
            run_rtl(design, seed, bus)
    except Refused:
        return None
    except Failure as e:
        return e
    return None
