"""Normalisation: across channels (LRN), batch normalisation that nothing could absorb, and instance
normalisation, which arrives here written out.
"""

import numpy as np
import onnx

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending, PendingOp
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Linear, Table
from hwcnn.golden.lrn import lrn_table

from .channel_constants import in_order
from .elementwise import scale_channels


@operator(
    "LRN", attributes=("alpha", "beta", "bias", "size"), limits="size 1, 3 or 5; beta from 0 to 1"
)
def lrn(ctx: Context, node: onnx.NodeProto, x: Value) -> Value:
    """ONNX LRN, opset 1-13: x [N, C, H, W]. Unsupported: other sizes than 1, 3 and 5, beta outside
    [0, 1], negative alpha, bias of zero or less, a clip after it.
    """
    mapped = ctx.materialise(x)
    a = attributes(node)
    size, alpha = a["size"], a.get("alpha", 1e-4)
    beta, bias = a.get("beta", 0.75), a.get("bias", 1.0)
    if size not in (1, 3, 5) or not 0 <= beta <= 1 or alpha < 0 or bias <= 0:
        raise Unsupported(
            f"size {size}, beta {beta:g}, alpha {alpha:g}, bias {bias:g}: size 1, 3 or 5, beta in "
            "[0, 1], alpha >= 0 and bias > 0 are supported"
        )
    tensor = ctx.tensor(mapped)
    if size == 1:
        real = (np.arange(-128, 128) - tensor.zero) * np.float64(tensor.scale)
        values = (real / (bias + alpha * real**2) ** beta).astype(np.float32)
        return Table(mapped.tensor, mapped.shape, values)

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Lrn:
        if (low, high) != (INT8_MIN, INT8_MAX) and (low > y.zero or high < INT8_MAX):
            raise Unsupported("a clip after it without QuantizeLinear between")
        table, shift = lrn_table(size, alpha, beta, bias, tensor.scale, y.scale)
        return ir.Lrn(node.name, tensor.name, y.name, size, table, shift, tensor.zero, y.zero)

    return PendingOp(mapped.shape, tensor.shape, emit)


@operator(
    "BatchNormalization", attributes=("epsilon",), limits="inference only, constant parameters"
)
def batch_norm(
    ctx: Context,
    node: onnx.NodeProto,
    x: Value,
    scale: Value,
    bias: Value,
    mean: Value,
    var: Value,
) -> Value:
    """ONNX BatchNormalization, opset 1-15: x [N, C, ...], parameters constant, [C]. Unsupported:
    training, computed parameters.
    """
    if attributes(node).get("training_mode", 0) or any(node.output[1:]):
        raise Unsupported("training mode: export the network for inference")
    constants = [v.real.reshape(-1) for v in (scale, bias, mean, var) if isinstance(v, Const)]
    if len(constants) != 4:
        raise Unsupported("its parameters are computed, not constant")
    if isinstance(x, Linear | Table | Pending) and not in_order(ctx, x):
        x = ctx.materialise(x)
    gamma, beta, mu, sigma2 = constants
    gain = gamma / np.sqrt(sigma2 + attributes(node).get("epsilon", 1e-5))
    return scale_channels(ctx, x, gain, beta - mu * gain)


@operator(
    "InstanceNormalization",
    "GroupNormalization",
    attributes=("epsilon", "num_groups"),
    limits="float models, constant parameters",
)
def instance_norm(ctx: Context, node: onnx.NodeProto, *_: Value) -> Value:
    """ONNX InstanceNormalization, opset 1-22, and GroupNormalization, opset 21, that
    `frontend.model.canonical` has not written out as other operators.
    """
    raise Unsupported(
        "of a quantised model, of computed parameters, or not of [N, C, L] or [N, C, H, W]: "
        "import the float model"
    )


@operator(
    "LayerNormalization",
    attributes=("axis", "epsilon"),
    limits="float models, constant parameters; over the channels of [N, H, W, C]",
)
def layer_norm(ctx: Context, node: onnx.NodeProto, *_: Value) -> Value:
    """ONNX LayerNormalization, opset 17, that `frontend.model.canonical` has not written out as
    other operators.
    """
    raise Unsupported(
        "of a quantised model, of computed parameters, or not over the last axis of [N, H, W, C]"
    )


@operator(
    "LpNormalization",
    "ReduceL2",
    attributes=("axis", "p", "axes", "keepdims"),
    limits="float models; p = 2 over the channels of [N, C, ..]; ReduceL2 where its map is divided "
    "by it",
)
def l2_norm(ctx: Context, node: onnx.NodeProto, *_: Value) -> Value:
    """ONNX LpNormalization, opset 1-22, and ReduceL2, opset 1-18, that `frontend.model.canonical`
    has not written out as other operators.
    """
    raise Unsupported(
        "of a quantised model, or not the division of [N, C, ..] by the root of its channels' "
        "squares"
    )
