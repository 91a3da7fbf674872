"""From the integer IR to a program, its weight image and the manifest that describes them."""

from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from hwcnn import ir, isa, tile_ops
from hwcnn.errors import InputError
from hwcnn.limits import MAX_DRAM
from hwcnn.manifest import HostOp, Input, Layer, Manifest, Memory, Region, Tensor
from hwcnn.scheduler.lower.conv import lower_conv, lower_parts
from hwcnn.scheduler.lower.global_average import lower_global_average
from hwcnn.scheduler.lower.lowering import Lowering
from hwcnn.scheduler.lower.vector import lower_vector
from hwcnn.scheduler.rewrite.fold_stem import packings
from hwcnn.scheduler.rewrite.pipeline import rewrite

from .averages import needs_array
from .lookahead import tail_work, urgency
from .order import order
from .place import align, placements

#: Images from which on their instructions are counted before all are made.
MANY_IMAGES = 16
#: A run may take so many times the predicted cycles and those of an operation's way through the
#: accelerator, and so many more.
BUDGET_FACTOR, BUDGET_OP, BUDGET_MORE = 4, 100, 1 << 16


@dataclass
class Compiled:
    """program : instruction bytes. weights : uint8 image of weights, parameters and tables.
    manifest : what they are.
    ops : tile operations in program order (END excluded). graph : what was compiled, after the
    rewrites.
    """

    program: bytes
    weights: np.ndarray
    manifest: Manifest
    ops: list
    graph: ir.Graph

    @property
    def layer_count(self):
        """Layers that the operations' `layer` counts."""
        return len(self.graph.ops)

    def dram(self):
        """uint8 DRAM image with the program and weights in place and everything else 0."""
        image = np.zeros(self.manifest.dram_bytes, np.uint8)
        memory = self.manifest.memory
        for region, data in (
            (memory.program, np.frombuffer(self.program, np.uint8)),
            (memory.weights, self.weights),
        ):
            image[region.addr : region.addr + region.size] = data
        return image


def compile_graph(graph, config):
    """Compile an ``ir.Graph`` for an accelerator: `Compiled`.

    Raises InputError, naming the layer and the limit, where a layer cannot run on this
    configuration.
    """
    graph.verify()
    rewritten = rewrite(graph, config)
    placed, home, root_blocks, tensor_bytes = placements(rewritten, config.lanes)
    images = graph.tensors[graph.inputs[0]].shape[0]
    if images >= MANY_IMAGES:
        _check_counts(graph, config, images)
    lowering = _lower(rewritten, config, placed, home, root_blocks, tensor_bytes)
    ops, cycles = order(lowering.ops, config, urgency(rewritten))
    counts = tile_ops.number(ops)
    program = _encode(ops, counts, rewritten)
    weights, weights_at = lowering.image.bytes(), lowering.image.base
    memory = Memory(
        tensors=Region(0, weights_at),
        weights=Region(weights_at, len(weights)),
        program=Region(lowering.image.end, len(program)),
    )
    dram_bytes = align(memory.program.addr + memory.program.size + isa.READ_AHEAD)
    if dram_bytes >= MAX_DRAM:
        raise InputError(f"{graph.name}: needs {dram_bytes} bytes of DRAM: at most 4 GiB")
    packs = packings(graph, config)
    manifest = Manifest(
        model=rewritten.name,
        batch=images,
        config=config,
        memory=memory,
        dram_bytes=dram_bytes,
        cycle_budget=_cycle_budget(cycles, len(ops)),
        inputs=tuple(Input(name, packs.get(name)) for name in rewritten.inputs),
        outputs=tuple(rewritten.outputs),
        tensors=_tensors(rewritten, placed),
        layers=_layers(rewritten),
        queues=_queues(ops),
        counts=counts,
        instructions=_instructions(ops),
        host=tuple(HostOp(o.name, o.op_type, o.x, o.y, o.attributes) for o in rewritten.host),
    )
    return Compiled(program, weights, manifest, ops, rewritten)


def _lower(rewritten, config, placed, home, root_blocks, tensor_bytes):
    """The `Lowering` of all layers."""
    lowering = Lowering(rewritten, config, placed, home, root_blocks, tensor_bytes)
    tails = tail_work(rewritten, placed, config)
    fill = any(isinstance(op, ir.Lrn) for op in rewritten.ops)
    for lowering.layer, op in enumerate(rewritten.ops):
        if isinstance(op, ir.Conv):
            lower_conv(lowering, op, fill, tails.get(op.y, 0))
        elif isinstance(op, ir.ARRAY_OPS):
            lower_parts(lowering, op, fill)
        elif isinstance(op, ir.Pool) and needs_array(op, config, rewritten):
            lower_global_average(lowering, op)
        elif not isinstance(op, ir.Concat):
            lower_vector(lowering, op)
    return lowering


def _check_counts(graph, config, images):
    """InputError where so many images take more instructions than waits can count, from what one
    image takes.
    """
    one = {name: replace(t, shape=(1, *t.shape[1:])) for name, t in graph.tensors.items()}
    rewritten = rewrite(replace(graph, tensors=one), config)
    ops = _lower(rewritten, config, *placements(rewritten, config.lanes)).ops
    # Fully connected layers may take all images at once.
    repeated = [
        op.queue for op in ops if rewritten.tensors[rewritten.ops[op.layer].y].shape[2:] != (1, 1)
    ]
    for queue in ("load", "array", "post", "vector"):
        if repeated.count(queue) * images > isa.MAX_WAIT:
            raise InputError(
                f"{graph.name}: a batch of {images} takes over {repeated.count(queue) * images} {queue.upper()} "
                f"instructions: at most {isa.MAX_WAIT}, which is enough for {isa.MAX_WAIT // repeated.count(queue)} images"
            )


def _cycle_budget(cycles, n_ops):
    """Cycles after which a run has gone wrong: far more than predicted, for memory of the usual
    latency; 0: no number of 32 bits is.
    """
    budget = int(BUDGET_FACTOR * (cycles + BUDGET_OP * n_ops)) + BUDGET_MORE
    return budget if budget < 1 << 32 else 0


def _encode(ops, counts, graph):
    parts = []
    for op in [*ops, tile_ops.end(counts)]:
        try:
            parts.append(op.encode())
        except ValueError as e:
            raise InputError(
                f"layer {graph.ops[op.layer].name!r} does not fit the instruction set: {e}"
            ) from e
    return b"".join(parts)


def _tensors(graph, placed) -> dict[str, Tensor]:
    return {
        name: Tensor(place, float(graph.tensors[name].scale), int(graph.tensors[name].zero))
        for name, place in placed.items()
    }


def _layers(graph) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            name=op.name,
            op=type(op).__name__,
            macs=ir.macs(op, graph),
            tensor=op.y,
            fully_connected=bool(getattr(op, "fully_connected", False)),
        )
        for op in graph.ops
    )


def _queues(ops) -> dict[str, tuple[tuple[int, int], ...]]:
    """Run-length (layer, count) of each queue's instructions in order."""
    return {
        name: tuple(
            (layer, len(list(run)))
            for layer, run in groupby(op.layer for op in ops if op.queue == name)
        )
        for name in tile_ops.COUNTS
    }


def _instructions(ops):
    count = {name: sum(op.queue == name for op in ops) for name in tile_ops.COUNTS}
    return count | dict(
        end=1, total=len(ops) + 1, words=sum(op.instruction.words for op in ops) + isa.END.words
    )
