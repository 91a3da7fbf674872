"""The state that lowering carries from layer to layer, and how it emits operations."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from hwcnn import ir, isa
from hwcnn.config import AccelConfig
from hwcnn.limits import DW_WORDS
from hwcnn.scheduler.allocators import ActivationRing, SlotRing, Writers
from hwcnn.scheduler.interleave import ArrayTile
from hwcnn.scheduler.place import Home, TensorPlaces
from hwcnn.scheduler.weight_image import Image
from hwcnn.tile_ops import TileOp

from .ranges import Range

#: Fields of a POST without a second stage.
NO_SECOND_STAGE = dict(
    stage2=0, residual=0, ma=0, mb=0, c=0, shift=0, zero2=0, low2=0, high2=0, res_addr=0
)


class Lowering:
    """Collects tile operations. Those of the vector engine are emitted at once, those of the array
    tile by tile at the end (`finish`); each queue's could run one after another then.

    ops : the operations. array_tiles : those that wait for their turn, layer by layer.
    layer : index that `emit` gives to operations; the compiler sets it.
    placements : of all tensors. image : weights, parameters and tables. ring, post_slots,
    vector_slots, dw_words : the allocators.
    half : the accumulator half that comes next; drains : the POST that last read each.
    table_users : of the LRN and the activation table, the last VECTOR of each stream.
    tiles : of each layer, the rows at which its tiles end, and DRAM blocks of a tile.
    """

    def __init__(self, graph: ir.Graph, config: AccelConfig, places: TensorPlaces):
        self.config, self.placements = config, places.placements
        self.image = Image(places.end)
        self.ring = ActivationRing(config.act_vectors)
        self.post_slots = SlotRing(config.param_slots)
        self.vector_slots = SlotRing(config.param_slots)
        self.dw_words = SlotRing(DW_WORDS)
        self.drains: list[TileOp | None] = [None, None]
        self.half = 0
        self.table_users: dict[int, dict[tuple[int, int] | None, TileOp]] = {
            isa.PARAM_LRN: {},
            isa.PARAM_TABLE: {},
        }
        self.tiles: dict[int, tuple[tuple[int, ...], int]] = {}
        self.ops: list[TileOp] = []
        self.array_tiles: list[ArrayTile] = []
        self.layer = 0
        self._homes = places.homes
        self._writers, self._producers = Writers(), dict[str, np.ndarray]()
        self._reads: list[Callable[[], None]] = []
        for root, blocks in places.root_blocks.items():
            n, _, h, _ = graph.tensors[root].shape
            self._writers.add(root, n, blocks, h)
            self._producers[root] = np.full(blocks, -1)

    def begin(self, layer: int, result: str) -> None:
        """What follows is for a layer, which writes a tensor."""
        self.layer, home = layer, self._homes[result]
        blocks = home.inside((0, self.placements[result].blocks))
        self._producers[home.root][slice(*blocks)] = layer

    def defer(self, emit: Callable[[], None], slots: int | None = None) -> None:
        """Have a tile of the present layer emitted later; see `ArrayTile`."""
        self.array_tiles.append(ArrayTile(self.layer, emit, slots))

    def finish(self, sequence: Iterable[ArrayTile]) -> None:
        """Emit all tiles of the array, in a sequence that keeps the order in each layer; then
        everything waits for what writes its operands.
        """
        for tile in sequence:
            self.layer, first = tile.layer, len(self.ops)
            tile.emit()
            tile.ops = self.ops[first:]
        for resolve in self._reads:
            resolve()

    def emit(
        self,
        instruction: isa.Instruction,
        values: dict[str, int],
        deps: Iterable[tuple[str, TileOp]] = (),
        stream: tuple[int, int] | None = None,
    ) -> TileOp:
        """Add an operation of the present layer; returns it. See `TileOp` for the arguments."""
        op = TileOp(instruction, self.layer, values, list(deps), stream)
        self.ops.append(op)
        return op

    def emit_params(
        self,
        dest: int,
        addr: int,
        index: int,
        n_bytes: int,
        deps: Iterable[tuple[str, TileOp]],
        stream: tuple[int, int] | None = None,
    ) -> TileOp:
        """Emit a PARAM that reads `n_bytes`, filled up to whole beats."""
        beats = -(-n_bytes // self.config.axi_bytes)
        values = dict(dest=dest, addr=addr, index=index, n_beats=beats)
        return self.emit(isa.PARAM, values, deps, stream)

    def load_post_params(self, addr: int, blocks: int) -> tuple[TileOp, int]:
        """(PARAM, first slot) that loads the parameters of some output blocks into free slots."""
        slot, users = self.post_slots.take(blocks)
        n_bytes = blocks * self.config.post_param_bytes
        deps = [("post", user) for user in users]
        return self.emit_params(isa.PARAM_POST, addr, slot, n_bytes, deps), slot

    def load_vector_params(
        self, addr: int, blocks: int, stream: tuple[int, int]
    ) -> tuple[TileOp, int]:
        """(PARAM, first slot) that loads the vector engine's parameters of some blocks into slots,
        after their last users.
        """
        slot, users = self.vector_slots.take(blocks)
        n_bytes = blocks * self.config.vector_param_bytes
        deps = [("vstore", user) for user in users]
        return self.emit_params(isa.PARAM_VECTOR, addr, slot, n_bytes, deps, stream), slot

    def next_half(self) -> int:
        """The accumulator half to use now; the other one comes next."""
        half = self.half
        self.half = 1 - half
        return half

    def reads(self, op: TileOp, tensor: str, images: Range, blocks: Range, rows: Range) -> None:
        """Operation `op` reads a region, so waits for what writes it; blocks are relative to the
        tensor.
        """
        self._reads.append(partial(self._wait, op, self._homes[tensor], images, blocks, rows))

    def _wait(self, op: TileOp, home: Home, images: Range, blocks: Range, rows: Range) -> None:
        op.deps += self._writers.readers_wait(home.root, images, home.inside(blocks), rows)

    def wrote(
        self,
        tensor: str,
        images: Range,
        blocks: Range,
        rows: Range | tuple[int, int, int],
        op: TileOp,
    ) -> None:
        """Operation `op` writes a region; rows : (first, end) or (first, end, step)."""
        home = self._homes[tensor]
        self._writers.wrote(home.root, images, home.inside(blocks), rows, op)

    def producers(self, tensor: str) -> list[int]:
        """The layer that writes each block of a tensor, -1 for the host."""
        home = self._homes[tensor]
        blocks = home.inside((0, self.placements[tensor].blocks))
        return self._producers[home.root][slice(*blocks)].tolist()
