"""What the host computes in float after the accelerator."""

from hwcnn import ir
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Host, Linear


@operator(
    "Softmax",
    "LogSoftmax",
    attributes=("axis",),
    limits="at the end of the network",
    runs_on="host",
)
def softmax(ctx, node, x):
    rank = len(x.shape)
    axis = attributes(node).get("axis", -1) % rank
    return on_host(ctx, node, x, {"axis": axis})


def on_host(ctx, node, x, settings):
    """Append the node to the host's operations."""
    if not isinstance(x, Host) and not (
        isinstance(x, Linear) and x.is_identity and x.index is None
    ):
        ctx.as_map(x)
        raise Unsupported("it reads a map whose layout was changed")
    at = x.at if isinstance(x, Host) else x.tensor
    ctx.host.append(ir.HostOp(node.name, node.op_type, at, node.output[0], settings))
    return Host(node.output[0], x.tensor, tuple(ctx.shapes[node.output[0]]))
