"""From the integer IR to a program, its weight image and the manifest that describes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hwcnn import ir, isa, tile_ops
from hwcnn.config import AccelConfig
from hwcnn.cycles.replay import estimate
from hwcnn.errors import InputError
from hwcnn.manifest import ProgramManifest
from hwcnn.tile_ops import Program, TileOp

from .averages import needs_array
from .describe import describe
from .interleave import sequence
from .lookahead import urgency, vector_cycles_after
from .lower.conv import lower_conv, lower_subconvolutions
from .lower.global_average import lower_global_average
from .lower.lowering import Lowering
from .lower.vector import lower_vector
from .order import Order, order
from .place import TensorPlaces, place
from .rewrite.fold_stem import packings
from .rewrite.pipeline import rewrite
from .weight_image import Image

#: Images from which on their instructions are counted before all are made.
MANY_IMAGES = 16


@dataclass(frozen=True)
class Compiled:
    """A compiled network.

    program : instruction bytes. weights : uint8 image of weights, parameters and tables. manifest :
    what they are. ops : tile operations in program order, END left out. graph : what was compiled,
    after the rewrites.
    """

    program: bytes
    weights: np.ndarray
    manifest: ProgramManifest
    ops: list[TileOp]
    graph: ir.Graph

    @property
    def layer_count(self) -> int:
        """Layers that the operations' `layer` counts."""
        return len(self.graph.ops)

    def dram(self) -> np.ndarray:
        """uint8 DRAM image with the program and weights in place and everything else 0."""
        image = np.zeros(self.manifest.dram_bytes, np.uint8)
        memory = self.manifest.memory
        for region, data in (
            (memory.program, np.frombuffer(self.program, np.uint8)),
            (memory.weights, self.weights),
        ):
            image[region.addr : region.addr + region.size] = data
        return image


def compile_graph(graph: ir.Graph, config: AccelConfig) -> Compiled:
    """Compile a network for an accelerator.

    Raises InputError, naming the layer and the limit, where a layer cannot run on this
    configuration.
    """
    rewritten = rewrite(graph.verify(), config)
    places = place(rewritten, config.lanes)
    images = graph.tensors[graph.inputs[0]].shape[0]
    if images >= MANY_IMAGES:
        _check_counts(graph, config, images)
    image, ordered = _best(rewritten, config, places)
    ops, packed = ordered.ops, packings(graph, config)
    counts = tile_ops.number(ops)
    program = _encode(ops, counts, rewritten)
    manifest = describe(
        rewritten, config, packed, places.placements, image, ops, counts, ordered.cycles
    )
    return Compiled(program, image.bytes(), manifest, ops, rewritten)


def _best(graph: ir.Graph, config: AccelConfig, places: TensorPlaces) -> tuple[Image, Order]:
    """Weights and operations: the array's layers one after another, or their tiles in turns where
    the cycle model finds that faster.
    """
    needed = urgency(graph)
    lowering = _lower(graph, config, places)
    plain = order(lowering.ops, config, needed)
    turns = sequence(lowering.array_tiles, plain, config)
    if turns is not None:
        other = _lower(graph, config, places, turns)
        in_turns = order(other.ops, config, needed)
        if faster((plain, in_turns), config, len(graph.ops)) is in_turns:
            return other.image, in_turns
    return lowering.image, plain


def faster(orders: Sequence[Order], config: AccelConfig, layers: int) -> Order:
    """The order that takes the fewest cycles, of several of a network of so many layers; the first
    of equals.
    """
    return min(orders, key=lambda found: estimate(Program(found.ops, layers), config).cycles)


def _lower(
    graph: ir.Graph, config: AccelConfig, places: TensorPlaces, turns: Sequence[int] | None = None
) -> Lowering:
    """The `Lowering` of all layers. turns : sequence of the array's tiles, by index; default: layer
    by layer.
    """
    lowering = Lowering(graph, config, places)
    cycles_after = vector_cycles_after(graph, places.placements, config)
    fill_holes = any(isinstance(op, ir.Lrn) for op in graph.ops)
    for layer, op in enumerate(graph.ops):
        if isinstance(op, ir.Concat):
            continue
        lowering.begin(layer, op.y)
        if isinstance(op, ir.Conv):
            lower_conv(lowering, op, fill_holes, cycles_after.get(op.y, 0))
        elif isinstance(op, ir.ConvTranspose | ir.Resize):
            lower_subconvolutions(lowering, op, fill_holes)
        elif isinstance(op, ir.Pool) and needs_array(op, config, graph):
            lowering.defer(partial(lower_global_average, lowering, op))
        else:
            lower_vector(lowering, op)
    tiles = lowering.array_tiles
    lowering.finish(tiles if turns is None else [tiles[i] for i in turns])
    return lowering


def _check_counts(graph: ir.Graph, config: AccelConfig, images: int) -> None:
    """InputError where so many images take more instructions than waits can count, from what one
    image takes.
    """
    one = {name: replace(t, shape=(1, *t.shape[1:])) for name, t in graph.tensors.items()}
    rewritten = rewrite(replace(graph, tensors=one), config)
    ops = _lower(rewritten, config, place(rewritten, config.lanes)).ops
    # Fully connected layers may take all images at once.
    repeated = [
        op.queue for op in ops if rewritten.tensors[rewritten.ops[op.layer].y].shape[2:] != (1, 1)
    ]
    for queue in ("load", "array", "post", "vector"):
        if repeated.count(queue) * images > isa.MAX_WAIT:
            raise InputError(
                f"{graph.name}: a batch of {images} takes over {repeated.count(queue) * images} "
                f"{queue.upper()} instructions: at most {isa.MAX_WAIT}, which is enough for "
                f"{isa.MAX_WAIT // repeated.count(queue)} images"
            )


def _encode(ops: Sequence[TileOp], counts: Mapping[str, int], graph: ir.Graph) -> bytes:
    """The program's bytes. Raises InputError, with the layer, where a value does not fit."""
    encoded: list[bytes] = []
    for op in [*ops, tile_ops.end(counts)]:
        try:
            encoded.append(op.encode())
        except ValueError as e:
            raise InputError(
                f"layer {graph.ops[op.layer].name!r} does not fit the instruction set: {e}"
            ) from e
    return b"".join(encoded)
