"""A numbered case for networks of which the host runs parts: a random network, of which random
nodes are the host's.

The models of the steps must give in onnxruntime, one after the other, what the whole quantised
model gives there, and each program must be right in the ISA engine.
"""

import time

import numpy as np

from hwcnn.frontend.model.session import session
from hwcnn.frontend.partition.network import Quantisation, partition
from hwcnn.frontend.partition.node_graph import NodeGraph

from . import configurations, engines, recipe
from .net import Invalid
from .stages import Failure, Refused, stage


def run(seed, number):
    """The result, JSON-able, as `isa_case.run`."""
    began = time.monotonic()
    result = {"case": ["split", number], "refusals": []}
    rng = np.random.default_rng([seed, 2, number])
    drawn, config = recipe.draw(rng), configurations.draw(rng)
    try:
        network, sample = _partitioned(drawn, rng)
        result["steps"] = len(network.parts)
        _agree(network, sample)
        for graph in network.graphs:
            engines.run_isa(engines.Network(None, [], graph), config, number)
        result["result"] = "ok"
    except (Refused, Invalid) as e:
        result |= {"result": "refused", "refusals": [str(e)]}
    except Failure as e:
        result |= {"result": "failed", "signature": e.signature, "detail": e.detail}
    return result | {"seconds": round(time.monotonic() - began, 3)}


def _partitioned(drawn, rng):
    """(the network in steps, a sample)."""
    model, samples = engines.quantised(drawn)
    names = [node.name for node in NodeGraph(model).nodes]
    count = min(len(names), int(rng.choice((1, 2, 3))))
    asked = [str(name) for name in rng.choice(names, count, replace=False)]
    with stage("partition"):
        how = Quantisation(samples)
        return partition(model, how, drawn.get("batch", 1), nodes=asked), samples[0]


def _shapes_differ(model, sample):
    """True where onnxruntime leaves out windows of a pool that begin in its pads, which onnx's
    inference counts: values between steps have the inferred shapes.
    """
    index = NodeGraph(model).index
    pools = [n.output[0] for n in model.graph.node if "Pool" in n.op_type]
    names = [name for name in pools if index.shapes.get(name)]
    found = session(model, outputs=names).run(names, sample) if names else []
    return any(index.shapes[n] != value.shape for n, value in zip(names, found, strict=True))


def _agree(network, sample):
    """Raises Failure where the steps differ from the whole in onnxruntime."""
    values = dict(sample)
    if _shapes_differ(network.quantised, sample):
        raise Refused("steps", "onnx and onnxruntime differ in a pool's size (ceil_mode)")
    with stage("steps"):
        for part in network.parts:
            given = {name: values[value] for name, value in part.inputs.items()}
            names = [o.name for o in part.model.graph.output]
            values |= dict(zip(names, session(part.model).run(names, given), strict=True))
        outputs = [o.name for o in network.quantised.graph.output]
        whole = session(network.quantised).run(outputs, sample)
    for name, expected in zip(outputs, whole, strict=True):
        if not np.array_equal(values[name], expected, equal_nan=True):
            off = np.abs(values[name].astype(float) - expected).max()
            raise Failure("split: an output differs", f"{name}: by {off}")
