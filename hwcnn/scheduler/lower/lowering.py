"""The state that lowering carries from layer to layer, and how it emits operations."""

from hwcnn import isa
from hwcnn.scheduler.allocators import ActivationRing, SlotRing, Writers
from hwcnn.scheduler.weight_image import Image
from hwcnn.tile_ops import TileOp


class Lowering:
    """Collects tile operations in an order in which they could run one after another.

    layer : index that `emit` gives to operations; the compiler sets it.
    """

    def __init__(self, graph, config, placements, homes, root_blocks, weights_base):
        self.graph, self.config, self.placements, self.homes = graph, config, placements, homes
        self.image = Image(weights_base)
        self.ring = ActivationRing(config.act_vectors)
        self.post_slots, self.vector_slots = (
            SlotRing(config.param_slots),
            SlotRing(config.param_slots),
        )
        self.drains = [None, None]  # the POST that last read each accumulator half
        self.half = 0
        # of the LRN and the activation table: the last VECTOR of each stream
        self.table_users = {2: {}, 3: {}}
        self.tiles = {}  # of each layer: (ends of its tiles along the rows, DRAM blocks of a tile)
        self.ops, self.layer = [], 0
        self._writers = Writers()
        for root, blocks in root_blocks.items():
            n, _, h, _ = graph.tensors[root].shape
            self._writers.add(root, n, blocks, h)

    def emit(self, instruction, values, deps=(), stream=None):
        op = TileOp(instruction, self.layer, values, list(deps), stream)
        self.ops.append(op)
        return op

    def reads(self, tensor, images, blocks, rows):
        """(counter, operation) pairs that wrote a region; each range is (first, end), blocks
        relative to the tensor.
        """
        home = self.homes[tensor]
        return self._writers.readers_wait(
            home.root, images, (blocks[0] + home.block, blocks[1] + home.block), rows
        )

    def wrote(self, tensor, images, blocks, rows, op):
        home = self.homes[tensor]
        self._writers.wrote(
            home.root, images, (blocks[0] + home.block, blocks[1] + home.block), rows, op
        )

    def producers(self, tensor):
        """Layer that wrote each block of a tensor."""
        home = self.homes[tensor]
        return self._writers.producers(
            home.root, (home.block, home.block + self.placements[tensor].blocks)
        )

    def emit_params(self, dest, addr, index, n_bytes, deps, stream=None):
        return self.emit(
            isa.PARAM,
            dict(dest=dest, addr=addr, index=index, n_beats=-(-n_bytes // self.config.axi_bytes)),
            deps,
            stream,
        )
