"""The manifest of a compiled program."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from hwcnn import ir, isa, tile_ops
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.layout import Placement
from hwcnn.limits import MAX_DRAM
from hwcnn.manifest import HostOp, Im2col, Input, Layer, Memory, ProgramManifest, Region, Tensor
from hwcnn.tile_ops import TileOp

from .bound import layer_bound
from .place import align
from .weight_image import Image

#: A run may take so many times the predicted cycles and those of an operation's way through the
#: accelerator, and so many more.
BUDGET_FACTOR, BUDGET_OP, BUDGET_MORE = 4, 100, 1 << 16


def describe(
    graph: ir.Graph,
    config: AccelConfig,
    packings: Mapping[str, Im2col],
    placements: Mapping[str, Placement],
    image: Image,
    ops: Sequence[TileOp],
    counts: Mapping[str, int],
    cycles: int,
) -> ProgramManifest:
    """The manifest of a program.

    graph : what was compiled. packings : of inputs, by name. ops : the program, END left out.
    counts : what its counters reach. cycles : predicted.

    Raises InputError where it does not fit into memory.
    """
    words = sum(op.instruction.words for op in ops) + isa.END.words
    memory = Memory(
        tensors=Region(0, image.base),
        weights=Region(image.base, len(image.bytes())),
        program=Region(image.end, words * isa.WORD_BYTES),
    )
    dram_bytes = align(memory.program.addr + memory.program.size + isa.READ_AHEAD)
    if dram_bytes >= MAX_DRAM:
        raise InputError(f"{graph.name}: needs {dram_bytes} bytes of DRAM: at most 4 GiB")
    kinds = {name: sum(op.queue == name for op in ops) for name in tile_ops.COUNTS}
    return ProgramManifest(
        model=graph.name,
        batch=graph.tensors[graph.inputs[0]].shape[0],
        config=config,
        memory=memory,
        dram_bytes=dram_bytes,
        cycle_budget=cycle_budget(cycles, len(ops)),
        inputs=tuple(
            Input(name, packings.get(name), graph.tensors[name].normalise) for name in graph.inputs
        ),
        outputs=tuple(graph.outputs),
        tensors=_tensors(graph, placements),
        layers=_layers(graph, config),
        queues=_queues(ops),
        counts=dict(counts),
        instructions=kinds | dict(end=1, total=len(ops) + 1, words=words),
        host=tuple(HostOp(o.name, o.op_type, o.x, o.y, o.attributes) for o in graph.host),
    )


def cycle_budget(cycles: int, n_ops: int) -> int:
    """Cycles after which a run has gone wrong: far more than predicted, for memory of the usual
    latency; 0: no number of 32 bits is.
    """
    budget = int(BUDGET_FACTOR * (cycles + BUDGET_OP * n_ops)) + BUDGET_MORE
    return budget if budget < 1 << 32 else 0


def _tensors(graph: ir.Graph, placements: Mapping[str, Placement]) -> dict[str, Tensor]:
    return {
        name: Tensor(place, float(graph.tensors[name].scale), int(graph.tensors[name].zero))
        for name, place in placements.items()
    }


def _layers(graph: ir.Graph, config: AccelConfig) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            name=op.name,
            op=type(op).__name__,
            macs=ir.macs(op, graph),
            tensor=op.y,
            fully_connected=bool(getattr(op, "fully_connected", False)),
            bound=layer_bound(op, graph.tensors, config),
        )
        for op in graph.ops
    )


def _queues(ops: Sequence[TileOp]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Run-length (layer, count) of each queue's instructions in order."""
    return {
        name: tuple(
            (layer, len(list(run)))
            for layer, run in groupby(op.layer for op in ops if op.queue == name)
        )
        for name in tile_ops.COUNTS
    }
