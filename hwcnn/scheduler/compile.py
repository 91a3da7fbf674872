"""From the integer IR to a program, its weight image and the manifest that describes them."""

from dataclasses import dataclass, replace

import numpy as np

from hwcnn import ir, isa, tile_ops
from hwcnn.errors import InputError
from hwcnn.limits import MAX_DRAM
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
    manifest : JSON-able description.
    ops : tile operations in program order (END excluded). graph : what was compiled, after the
    rewrites.
    """

    program: bytes
    weights: np.ndarray
    manifest: dict
    ops: list
    graph: ir.Graph

    @property
    def layer_count(self):
        """Layers that the operations' `layer` counts."""
        return len(self.graph.ops)

    def dram(self):
        """uint8 DRAM image with the program and weights in place and everything else 0."""
        image = np.zeros(self.manifest["dram_bytes"], np.uint8)
        memory = self.manifest["memory"]
        for name, data in (
            ("program", np.frombuffer(self.program, np.uint8)),
            ("weights", self.weights),
        ):
            image[memory[name]["addr"] : memory[name]["addr"] + len(data)] = data
        return image


def compile_graph(graph, config):
    """Compile an ``ir.Graph`` for an accelerator: `Compiled`.

    Raises InputError, naming the layer and the limit, where a layer cannot run on this
    configuration.
    """
    graph.verify()
    rewritten = rewrite(graph, config)
    placed, home, root_blocks, tensor_bytes = placements(rewritten, config.lanes)
    if (images := graph.tensors[graph.inputs[0]].shape[0]) >= MANY_IMAGES:
        _check_counts(graph, config, images)
    lowering = _lower(rewritten, config, placed, home, root_blocks, tensor_bytes)
    ops, cycles = order(lowering.ops, config, urgency(rewritten))
    counts = tile_ops.number(ops)
    program = _encode(ops, counts, rewritten)
    packs = packings(graph, config)
    manifest = _manifest(rewritten, config, packs, placed, lowering, ops, counts, len(program))
    manifest["cycle_budget"] = _cycle_budget(cycles, len(ops))
    if manifest["dram_bytes"] >= MAX_DRAM:
        raise InputError(
            f"{graph.name}: needs {manifest['dram_bytes']} bytes of DRAM: at most 4 GiB"
        )
    return Compiled(program, lowering.image.bytes(), manifest, ops, rewritten)


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


def _manifest(graph, config, packs, placed, lowering, ops, counts, program_bytes):
    weights_at, program_at = lowering.image.base, lowering.image.end
    weight_bytes = len(lowering.image.bytes())
    return dict(
        model=graph.name,
        pe=config.pe,
        config=config.to_dict(),
        memory=dict(
            tensors=dict(addr=0, size=weights_at),
            weights=dict(addr=weights_at, size=weight_bytes),
            program=dict(addr=program_at, size=program_bytes),
        ),
        dram_bytes=align(program_at + program_bytes + isa.READ_AHEAD),
        inputs=[
            _tensor(graph, placed, name) | dict(tensor=name, pack=packs.get(name))
            for name in graph.inputs
        ],
        outputs=list(graph.outputs),
        tensors={name: _tensor(graph, placed, name) for name in placed},
        layers=[
            dict(
                name=op.name,
                op=type(op).__name__,
                macs=ir.macs(op, graph),
                tensor=op.y,
                fully_connected=bool(getattr(op, "fully_connected", False)),
            )
            for op in graph.ops
        ],
        queues=_queues(ops),
        counts=counts,
        instructions=_instructions(ops),
        host=[
            dict(name=op.name, op=op.op_type, x=op.x, y=op.y, attributes=op.attributes)
            for op in graph.host
        ],
    )


def _tensor(graph, placed, name):
    tensor = graph.tensors[name]
    return dict(
        placement=placed[name].to_dict(),
        shape=list(tensor.shape),
        scale=float(tensor.scale),
        zero=int(tensor.zero),
    )


def _queues(ops):
    """Run-length [[layer, count], ...] of each queue's instructions in order."""
    queues = {name: [] for name in tile_ops.COUNTS}
    for op in ops:
        runs = queues[op.queue]
        if runs and runs[-1][0] == op.layer:
            runs[-1][1] += 1
        else:
            runs.append([op.layer, 1])
    return queues


def _instructions(ops):
    count = {name: sum(op.queue == name for op in ops) for name in tile_ops.COUNTS}
    return count | dict(
        end=1, total=len(ops) + 1, words=sum(op.instruction.words for op in ops) + isa.END.words
    )
