"""Float networks all the way to a program: golden against onnxruntime, and the ISA engine against
golden.
"""

import numpy as np

from hwcnn import golden
from hwcnn.config import AccelConfig
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.scheduler.check import check
from hwcnn.scheduler.compile import compile_graph
from hwcnn.scheduler.rewrite.fold_stem import pack_input
from hwcnn.sim.engines import isa_engine

CONFIGS = (
    AccelConfig(rows=4, cols=4, act_kib=8, acc_depth=64, param_slots=16, pool_depth=64),
    AccelConfig(rows=8, cols=16),
)


def run(net, *outputs):
    """(the graph, steps by which golden differs from onnxruntime on the QDQ model, an int array for
    each output).
    """
    samples = net.samples()
    qdq = quantise(net.model(*outputs), samples)
    graph = import_graph(qdq)
    feed = samples[0]
    inputs = {
        n: golden.quantise_input(graph, n, feed[n]).reshape(graph.tensors[n].shape)
        for n in graph.inputs
    }
    tensors = golden.run(graph, inputs)
    for config in CONFIGS:
        on_isa(graph, config, inputs, tensors)
    ours = golden.host_outputs(graph, tensors)
    theirs = session(qdq).run(None, feed)
    steps = []
    for (name, a), b, tensor in zip(ours.items(), theirs, graph.outputs, strict=True):
        assert a.shape == b.shape, name
        steps.append(np.rint(np.abs(a - b) / graph.tensors[tensor].scale).astype(int))
    return graph, steps


def on_isa(graph, config, inputs, tensors):
    """Assert that the program is free of hazards and gives every one of golden's `tensors`,
    whatever memory held before.
    """
    compiled = compile_graph(graph, config)
    check(compiled.program, config, compiled.manifest.dram_bytes)
    dram = compiled.dram()
    size = compiled.manifest.memory.tensors.size
    dram[:size] = np.random.default_rng(1).integers(0, 256, size)
    places = {name: t.placement for name, t in compiled.manifest.tensors.items()}
    for entry in compiled.manifest.inputs:
        place = places[entry.tensor]
        packed = place.pack(pack_input(inputs[entry.source], entry.pack))
        dram[place.addr : place.addr + len(packed)] = packed
    isa_engine.run(compiled.program, dram, config)
    for name in set(tensors) & set(places):
        np.testing.assert_array_equal(places[name].unpack(dram), tensors[name], name)
