"""What the host computes in float after the accelerator."""

import onnx

from hwcnn import ir
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Host, Linear


@operator(
    "Softmax",
    "LogSoftmax",
    attributes=("axis",),
    limits="at the end of the network",
    runs_on="host",
)
def softmax(ctx: Context, node: onnx.NodeProto, x: Value) -> Host:
    """ONNX Softmax and LogSoftmax, opset 1-13: x of any shape. Unsupported: x that is not
    quantised, or whose layout was changed; anything that computes with the result.
    """
    axis = attributes(node).get("axis", -1) % len(x.shape)
    source = x if isinstance(x, Host) or (isinstance(x, Linear) and x.is_identity) else None
    if source is None:
        ctx.as_map(x)
    if source is None or (isinstance(source, Linear) and source.index is not None):
        raise Unsupported("it reads a map whose layout was changed")
    at = source.at if isinstance(source, Host) else source.tensor
    ctx.host.append(ir.HostOp(node.name, node.op_type, at, node.output[0], {"axis": axis}))
    return Host(node.output[0], source.tensor, ctx.result_shape(node))
