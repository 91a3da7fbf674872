"""What a case exercised, as names to count: operators, classes of configurations, features of
networks, stalls and queues.
"""

import numpy as np

from hwcnn import ir, isa
from hwcnn.frontend.importer.registry import OPERATORS
from hwcnn.rtl.host import registers
from hwcnn.sim.testbench.events import START

from . import configurations

KERNELS, STRIDES = range(1, 12), range(1, 11)
_NETWORK = (
    "asymmetric pads",
    "dilation",
    "groups",
    "depthwise",
    "odd channels",
    "one row",
    "one column",
    "map smaller than the kernel",
    "batch of 2",
    "batch of 3",
    "several inputs",
    "several outputs",
    "output that is also read",
    "residual",
    "concat of parts beside a block",
    "weight of -128",
    "zero point -128",
    "zero point 127",
    "uint8 maps",
    "host operation",
)
STALLS = tuple(name for name, _ in registers.PERF if name.startswith("stall"))
ERRORS = (
    "opcode",
    *(f"read {c}" for c in registers.READ_CLIENTS),
    *(f"write {c}" for c in registers.WRITE_CLIENTS),
    "watchdog",
    "budget",
)
QUEUES = tuple(f"{engine} queue {state}" for engine in START for state in ("full", "empty"))
#: Operations of the integer IR, which the RTL runs.
OPERATIONS = (
    "Conv",
    "ConvTranspose",
    "Resize",
    "Pool",
    "Eltwise",
    "Affine",
    "Lut",
    "Lrn",
    "Concat",
)


def operators(model):
    """ONNX operators of a model."""
    return sorted({n.op_type for n in model.graph.node} & set(OPERATORS))


def operations(graph):
    """Classes of `ir` of a graph's operations."""
    return sorted({type(op).__name__ for op in graph.ops})


def features(graph, model):
    """Of the network, out of `all_features`."""
    found = set()
    for op in graph.ops:
        found |= (
            _geometry(op, graph) if isinstance(op, ir.Conv | ir.ConvTranspose | ir.Pool) else set()
        )
        if isinstance(op, ir.Conv | ir.ConvTranspose):
            groups, channels = op.groups, graph.tensors[op.x].shape[1]
            found |= (
                {"depthwise"} if 1 < groups == channels else {"groups"} if groups > 1 else set()
            )
            found |= {"weight of -128"} if op.weight.size and op.weight.min() == -128 else set()
            found |= {"dilation"} if max(op.dilation) > 1 else set()
        if isinstance(op, ir.Conv) and op.second is not None and op.second.residual is not None:
            found.add("residual")
        if isinstance(op, ir.Concat) and any(graph.tensors[x].shape[1] % 4 for x in op.xs):
            found.add("concat of parts beside a block")
    for tensor in graph.tensors.values():
        n, c, h, w = tensor.shape
        found |= {"odd channels"} if c % 2 and c > 1 else set()
        found |= {"one row"} if h == 1 < w else {"one column"} if w == 1 < h else set()
        found |= {f"zero point {tensor.zero}"} if tensor.zero in (-128, 127) else set()
        found |= {f"batch of {n}"} if n > 1 else set()
    found |= {"several inputs"} if len(graph.inputs) > 1 else set()
    found |= {"several outputs"} if len(graph.outputs) > 1 else set()
    found |= (
        {"output that is also read"}
        if any(graph.consumers(name) for name in graph.outputs)
        else set()
    )
    found |= {"host operation"} if graph.host else set()
    found |= {"uint8 maps"} if any(c.data_type == 2 for c in model.graph.initializer) else set()
    return sorted(found & set(all_features()))


def _geometry(op, graph):
    """Of a window."""
    kernel = op.kernel if isinstance(op, ir.Pool) else op.weight.shape[2:]
    size = graph.tensors[op.x].shape[2:]
    found = {f"kernel {k}" for k in kernel} | {f"stride {s}" for s in op.stride}
    if len(op.pads) == 4 and (op.pads[0] != op.pads[2] or op.pads[1] != op.pads[3]):
        found.add("asymmetric pads")
    return found | (
        {"map smaller than the kernel"}
        if any(k > n for k, n in zip(kernel, size, strict=True))
        else set()
    )


def all_features():
    """What `features` can find."""
    return (*_NETWORK, *(f"kernel {k}" for k in KERNELS), *(f"stride {s}" for s in STRIDES))


def stalls(counters):
    """Stall causes that a run met."""
    return [name for name in STALLS if counters[name]]


def queues(program, events, config):
    """Queues that were full, or empty while the program went on, as far as the record of starts
    proves it.

    An instruction that has started proves that all before it in the program have been dispatched.
    Those of them that have not started are in their queue, which is full if no other instruction of
    its kind goes in: the dispatcher may stop there.
    """
    order = list(_engines(program))
    position = {name: np.array([i for i, n in enumerate(order) if n == name]) for name in START}
    cycles = {name: events.starts(name)[: len(position[name])] for name in START}
    found = set()
    for name in START:
        words = (
            isa.BY_NAME[name].words
            if hasattr(isa, "BY_NAME")
            else next(i.words for i in isa.INSTRUCTIONS if i.name == name)
        )
        for other in START:
            if other == name or not len(cycles[other]) or not len(position[name]):
                continue
            before = np.searchsorted(position[name], position[other][: len(cycles[other])])
            started = np.searchsorted(cycles[name], cycles[other], side="right")
            waiting = (before - started - 1) * words  # one may be out of the RAM, in registers
            if (waiting + words > config.queue_words - words).any():
                found.add(f"{name} queue full")
            if ((before == started) & (before > 0) & (before < len(position[name]))).any():
                found.add(f"{name} queue empty")
    return sorted(found)


def _engines(program):
    at = 0
    while at < len(program):
        instruction, _, _, size = isa.decode(program, at)
        yield instruction.name
        at += size


def universe():
    """{kind of bin: all of its names}; products of operators with configurations are apart."""
    return {
        "operators": sorted(OPERATORS),
        "configurations": configurations.all_classes(),
        "features": list(all_features()),
        "operations": list(OPERATIONS),
        "stalls": list(STALLS),
        "queues": list(QUEUES),
        "errors": list(ERRORS),
    }
