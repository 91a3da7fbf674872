"""One network through the frontend, golden and the ISA engine."""

from dataclasses import dataclass

import numpy as np

from hwcnn import ir
from hwcnn.cycles.replay import estimate
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import normalise
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.scheduler.check import check
from hwcnn.scheduler.compile import compile_graph
from hwcnn.sim.design import Design
from hwcnn.sim.session import Options, simulate

from . import quantising
from .net import Invalid
from .recipe import Built
from .stages import Failure, Refused, stage


@dataclass
class Network:
    """model : quantised ONNX; samples : float inputs; graph : what golden runs."""

    model: object
    samples: list
    graph: ir.Graph


def random_samples(model, seed, count=2):
    """Float inputs by name."""
    rng = np.random.default_rng(seed)
    shapes = {
        i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input
    }
    return [
        {
            name: (rng.standard_normal(shape) * 1.5).astype(np.float32)
            for name, shape in shapes.items()
        }
        for _ in range(count)
    ]


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
    """The `Network` of a ModelProto and its float samples. Raises Refused, Failure."""
    with stage("quantise"):
        model = quantise(model, samples)
    with stage("import"):
        return Network(model, samples, import_graph(model, batch))


class TooLong(Exception):
    """A run that would take more cycles than asked for."""


def design(net, config, longest=None):
    """The network compiled for an accelerator, its program checked.

    longest : cycles of a run, by the cycle model; beyond, TooLong is raised."""
    with stage("compile"):
        compiled = compile_graph(net.graph, config)
    with stage("check"):
        check(compiled.program, config, compiled.manifest.dram_bytes)
    if longest is not None and estimate(compiled, config).cycles > longest:
        raise TooLong
    return Design(config, compiled.manifest, compiled.program, compiled.weights, "", net.graph)


def random_inputs(graph, seed, count=1):
    """int8 inputs by name; some are at the ends of the range only."""
    rng = np.random.default_rng(seed)

    def one(shape):
        whole = rng.integers(-128, 128, shape)
        return (whole if rng.random() < 0.7 else rng.choice((-128, 127, 0), shape)).astype(np.int8)

    return [{name: one(graph.tensors[name].shape) for name in graph.inputs} for _ in range(count)]


def run_isa(net, config, seed, longest=None):
    """The ISA engine bit by bit against golden. Raises Failure; returns the design."""
    made = design(net, config, longest)
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
                raise Failure(
                    f"{engine}: {operators[name]} is wrong", f"image {number}: {difference}"
                )


def from_recipe(recipe):
    """The `Network` of a recipe. Raises Refused, Failure."""
    try:
        model, samples = quantised(recipe)
    except Invalid as e:
        raise Refused("build", e) from e
    return network(model, samples, recipe.get("batch", 1))
