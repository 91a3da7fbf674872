"""What a layer takes at least on an accelerator, whatever the schedule: what is the network's, and
not the compiler's.
"""

import math

from hwcnn import ir, limits
from hwcnn.config import AccelConfig
from hwcnn.manifest import Bound


def layer_bound(op: ir.Op, tensors: dict[str, ir.Tensor], config: AccelConfig) -> Bound:
    """Cycles of each engine and of the data bus.

    The array makes a pass for each kernel tap, or for two where an input block has at most R/2
    channels, and for each pair of blocks of R input and C output channels (groups are packed side
    by side), of at least R cycles; weights are read once, maps too.
    """
    if isinstance(op, ir.Concat):
        return Bound()
    lanes = config.lanes
    vectors = {
        name: n * -(-c // lanes) * h * w
        for name, (n, c, h, w) in ((name, tensors[name].shape) for name in (*op.inputs, op.y))
    }
    beats = lanes / config.axi_bytes
    read, write = sum(vectors[x] for x in set(op.inputs)) * beats, vectors[op.y] * beats
    if isinstance(op, ir.ARRAY_OPS):
        passes, pixels = array_passes(op, tensors, config)
        read += passes * config.tile_bytes / config.axi_bytes
        array = passes * max(pixels, config.rows)
        return Bound(array=array, read=math.ceil(read), write=math.ceil(write))
    return Bound(vector=_vector(op, vectors, config), read=math.ceil(read), write=math.ceil(write))


def array_passes(
    op: ir.Conv | ir.ConvTranspose | ir.Resize, tensors: dict[str, ir.Tensor], config: AccelConfig
) -> tuple[int, int]:
    """(passes, pixels of each) of a layer at least, on an array of `config`'s rows and columns."""
    n, c, h, w = tensors[op.y].shape
    if isinstance(op, ir.Resize):
        return -(-c // min(config.rows, config.cols)), n * h * w
    if isinstance(op, ir.ConvTranspose):
        _, c_in, h, w = tensors[op.x].shape
        c_in, c_out = c_in // op.groups, op.weight.shape[1]
    else:
        c_in, c_out = op.weight.shape[1], c // op.groups
    packed = min(config.rows // c_in, config.cols // c_out, op.groups) or 1
    taps = op.kernel[0] * op.kernel[1]
    full, rest = divmod(packed * c_in, config.rows)
    last = -(-taps // 2) if 2 * rest <= config.rows else taps
    passes = full * taps + (last if rest else 0)
    return -(-op.groups // packed) * -(-c_out // config.cols) * passes, n * h * w


def _vector(op: ir.Op, vectors: dict[str, int], config: AccelConfig) -> int:
    results = vectors[op.y] * limits.result_cycles(config)
    if isinstance(op, ir.Depthwise):
        shape = limits.DepthwiseShape(config, op.kernel, op.stride, op.dilation)
        results = max(results, vectors[op.y] * op.kernel[0] * shape.groups)
    if isinstance(op, ir.Pool):
        results = limits.pool_cycles(config, 0, vectors[op.y], op.kernel[0])
    if isinstance(op, ir.Lrn):
        results = vectors[op.y] * limits.lrn_steps(config)
    return max(vectors[op.inputs[0]], results)
