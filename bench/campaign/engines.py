"""One network through the frontend, onnxruntime, golden and the ISA engine; each failure is told from a refusal."""

import re
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.agreement import agreement
from hwcnn.frontend.importer import import_graph
from hwcnn.frontend.load import normalise
from hwcnn.frontend.quantise import quantise
from hwcnn.scheduler.check import check
from hwcnn.scheduler.compile import compile_graph
from hwcnn.sim.simulate import Design, Options, simulate

from . import quantising
from .net import Invalid
from .recipe import Built

#: Elements off by one that any layer may have, besides one in 1,000: a layer here has few elements, and a tie in float is enough.
TIES = 2


class Refused(Exception):
    """The network or the configuration is outside of what the tool takes, as it said in one line."""

    def __init__(self, stage, error):
        super().__init__(f"{stage}: {reason(str(error))}")


class Failure(Exception):
    """Something is wrong. signature : the same for the same defect, as far as can be told."""

    def __init__(self, signature, detail=""):
        super().__init__(signature)
        self.signature, self.detail = signature, detail


def reason(text):
    """A message without names and numbers, to count with."""
    text = re.sub(r"'[^']*'", "'..'", " ".join(text.split()))
    text = re.sub(r"\b[A-Za-z]+\d+(_\d+)?(/\S+|_\w+)*", "..", text)
    return re.sub(r"-?\d[\d.e+-]*", "#", text)[:160]


class stage:
    """A context that turns InputError into `Refused`, and every other exception into `Failure`."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None or isinstance(error, Failure | Refused | KeyboardInterrupt):
            return False
        if isinstance(error, InputError):
            raise Refused(self.name, error) from error
        if not isinstance(error, Exception):
            return False
        frames = traceback.extract_tb(trace)
        own = next((f for f in reversed(frames) if "/hwcnn/" in f.filename), frames[-1])
        where = f"{Path(own.filename).name}:{own.name}"
        raise Failure(f"{self.name}: {kind.__name__} in {where}: {reason(str(error))}",
                      "".join(traceback.format_exception(kind, error, trace))[-3000:]) from error


@dataclass
class Network:
    """model : quantised ONNX; samples : float inputs; graph : what golden runs."""

    model: object
    samples: list
    graph: ir.Graph


def random_samples(model, seed, count=2):
    """Float inputs by name."""
    rng = np.random.default_rng(seed)
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    return [{name: (rng.standard_normal(shape) * 1.5).astype(np.float32) for name, shape in shapes.items()} for _ in range(count)]


def quantised(recipe):
    """(the quantised ModelProto, its samples) of a recipe."""
    model = Built(recipe).model()
    samples = random_samples(model, recipe["quantising"]["seed"])
    with stage("load"):
        model = normalise(model, "campaign")
    if recipe["kind"] != "float":
        with stage("calibrate"):
            model = quantising.qdq(model, samples, recipe["quantising"])
        if recipe["kind"] == "qlinear":
            model = quantising.qlinear(model)
        with stage("load"):
            model = normalise(model, "campaign")
    return model, samples


def network(model, samples, batch=1):
    with stage("quantise"):
        model = quantise(model, samples)
    with stage("import"):
        return Network(model, samples, import_graph(model, batch))


def agree(net):
    """Golden against onnxruntime, layer by layer from the same inputs: {operator: (elements, equal)}. Raises Failure."""
    with stage("onnxruntime"):
        rows = agreement(net.model, import_graph(net.model, fused=False), net.samples)
    totals = {}
    for row in rows:
        off = row.elements - row.equal
        if row.max_difference > 1 or not row.approximate and off > TIES + row.elements / 1000:
            raise Failure(f"onnxruntime: {row.op} differs by {'one' if row.max_difference == 1 else 'more than one'}",
                          f"{row.name}: {off} of {row.elements} differ, by at most {row.max_difference}")
        old = totals.get(row.op, (0, 0))
        totals[row.op] = old[0] + row.elements, old[1] + row.equal
    return totals


def design(net, config, verilog=""):
    """The network compiled for an accelerator, its program checked."""
    with stage("compile"):
        compiled = compile_graph(net.graph, config)
    with stage("check"):
        check(compiled.program, config, compiled.manifest["dram_bytes"])
    return Design(config, compiled.manifest, compiled.program, compiled.weights, verilog, net.graph)


def random_inputs(graph, seed, count=1):
    """int8 inputs by name; some are at the ends of the range only."""
    rng = np.random.default_rng(seed)

    def one(shape):
        whole = rng.integers(-128, 128, shape)
        return (whole if rng.random() < 0.7 else rng.choice((-128, 127, 0), shape)).astype(np.int8)

    return [{name: one(graph.tensors[name].shape) for name in graph.inputs} for _ in range(count)]


def run_isa(net, config, seed):
    """The ISA engine bit by bit against golden. Raises Failure; returns the design."""
    made = design(net, config)
    with stage("isa"):
        result = simulate(made, random_inputs(net.graph, seed), Options(engine="isa"))
    compare("isa", made, result.outcomes)
    return made


def compare(engine, made, outcomes):
    """Raises Failure where an outcome differs from golden."""
    operators = {op.y: type(op).__name__ for op in made.graph.ops}
    for number, outcome in enumerate(outcomes):
        for name in (op.y for op in made.graph.ops):
            difference = outcome.differences.get(name)
            if difference and difference.mismatches:
                raise Failure(f"{engine}: {operators[name]} is wrong", f"image {number}: {difference}")


def from_recipe(recipe):
    """The `Network` of a recipe. Raises Refused, Failure."""
    try:
        model, samples = quantised(recipe)
    except Invalid as e:
        raise Refused("build", e) from e
    return network(model, samples, recipe.get("batch", 1))
