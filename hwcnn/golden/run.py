"""Executes a graph: every tensor from its inputs, and the way in and out of its numbers."""

from collections.abc import Callable, Mapping

import numpy as np

from hwcnn import ir

from .affine import affine
from .concat import concat
from .conv import conv
from .conv_transpose import conv_transpose
from .depthwise import depthwise
from .eltwise import eltwise
from .host import HOST_OPS
from .lrn import lrn
from .lut import lut
from .pool import pool
from .resize import resize

_RUN: dict[type, Callable[..., np.ndarray]] = {
    ir.Conv: conv,
    ir.Depthwise: depthwise,
    ir.Eltwise: eltwise,
    ir.Affine: affine,
    ir.Lut: lut,
    ir.Lrn: lrn,
    ir.Resize: resize,
}


def run_op(op: ir.Op, graph: ir.Graph, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """The result of one operation, int8 [N, C, H, W].

    tensors : tensor name to int8 [N, C, H, W], at least the operation's inputs. N may differ from
    the graph's.
    """
    inputs = [tensors[name] for name in op.inputs]
    if isinstance(op, ir.Pool):
        y = pool(op, *inputs, out_size=graph.tensors[op.y].shape[2:])
    elif isinstance(op, ir.ConvTranspose):
        y = conv_transpose(op, *inputs, out_size=graph.tensors[op.y].shape[2:])
    elif isinstance(op, ir.Concat):
        y = concat(*inputs)
    else:
        y = _RUN[type(op)](op, *inputs)
    if y.shape[1:] != tuple(graph.tensors[op.y].shape[1:]):
        raise ValueError(
            f"{op.name}: computes {y.shape[1:]}, but {op.y!r} is {graph.tensors[op.y].shape[1:]}"
        )
    return y


def run(graph: ir.Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor of the graph by name, int8 [N, C, H, W], from ``{input name: int8 [N, C, H,
    W]}``.
    """
    tensors = {name: np.asarray(inputs[name]) for name in graph.inputs}
    for name, x in tensors.items():
        if x.dtype != np.int8 or x.shape[1:] != tuple(graph.tensors[name].shape[1:]):
            raise ValueError(
                f"input {name!r}: expected int8 {graph.tensors[name].shape}, not {x.dtype} "
                f"{x.shape}"
            )
    for op in graph.ops:
        tensors[op.y] = run_op(op, graph, tensors)
    return tensors


def quantise_input(graph: ir.Graph, name: str, real: np.ndarray) -> np.ndarray:
    """``saturate(round_half_even(real / scale) + zero)`` of a float array [N, C, ...], as
    QuantizeLinear does, after the input's normalisation: int8.
    """
    tensor, real = graph.tensors[name], np.asarray(real, np.float32)
    with np.errstate(over="ignore"):  # what overflows saturates
        if tensor.normalise:
            gain, offset = np.array(tensor.normalise, np.float32).T.reshape(
                2, -1, *[1] * max(0, real.ndim - 2)
            )
            real = real * gain + offset
        scaled = np.rint(real / np.float32(tensor.scale))
    return np.clip(scaled + tensor.zero, -128, 127).astype(np.int8)


def dequantise(graph: ir.Graph, name: str, values: np.ndarray) -> np.ndarray:
    """``scale * (values - zero)`` as float32."""
    tensor = graph.tensors[name]
    return (values.astype(np.float32) - np.float32(tensor.zero)) * np.float32(tensor.scale)


def host_outputs(graph: ir.Graph, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """``{ONNX output name: float32 array}`` in the shapes of the ONNX model, after the host's
    operations.

    tensors : as `run` gives them. The host's operations keep shapes, so each works in the shape of
    the output that it leads to; a batch other than the graph's replaces the first dimension.
    """
    results: dict[str, np.ndarray] = {}
    host = {op.y: op for op in graph.host}
    for name, (onnx_name, shape) in zip(graph.outputs, graph.onnx_outputs, strict=True):
        values = tensors[name]
        batch = values.shape[0] * shape[0] // graph.tensors[name].shape[0]
        results[onnx_name] = _host_value(
            onnx_name, host, dequantise(graph, name, values).reshape(batch, *shape[1:])
        )
    return results


def _host_value(name: str, host: Mapping[str, ir.HostOp], x: np.ndarray) -> np.ndarray:
    """Tensor `name` of the host's chain that starts from array x. host : name of a result to its
    HostOp.
    """
    if name not in host:
        return x
    op = host[name]
    return HOST_OPS[op.op_type](_host_value(op.x, host, x), **op.attributes)
