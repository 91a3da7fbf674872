"""Functions of one value: ReLU and its kind by clamping, all others as a table of 256 entries,
evaluated by onnx's reference.
"""

from dataclasses import replace

import numpy as np
import onnx
from onnx import helper
from onnx.defs import onnx_opset_version
from onnx.reference import ReferenceEvaluator

from hwcnn.fixedpoint import INT8_MIN
from hwcnn.frontend.importer.context import Context
from hwcnn.frontend.importer.registry import Unsupported, operator
from hwcnn.frontend.importer.values import Const, Linear, Table

#: All of ONNX's element-wise functions of one float that have no other handler.
# fmt: off
FUNCTIONS = (
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp",
    "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal", "Round", "Selu",
    "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh",
    "ThresholdedRelu",
)
# fmt: on


@operator(*FUNCTIONS, attributes=("all",), limits="defined over all of its input's range")
def function(ctx, node, x):
    return evaluate(node, as_table(ctx, x))


@operator("Pow", limits="second operand one constant")
def power(ctx, node, x, y):
    if not isinstance(y, Const) or y.array.size != 1:
        raise Unsupported("its second operand is not one constant")
    return evaluate(node, as_table(ctx, x), y.array.reshape(()))


def as_table(ctx, value):
    """A value that is a function of one tensor as a `Table`. Raises Unsupported otherwise."""
    if isinstance(value, Table):
        return value
    if not isinstance(value, Linear) or np.ndim(value.mul) or np.ndim(value.add):
        if isinstance(value, Linear):
            raise Unsupported(
                "a nonlinear function of a value scaled channel by channel without QuantizeLinear between"
            )
        value = ctx.materialise(value)
    x = ctx.tensor(value)
    real = (np.arange(-128, 128) - x.zero).astype(np.float32) * np.float32(x.scale)
    real = np.clip(real * np.float32(value.mul) + np.float32(value.add), value.low, value.high)
    return Table(value.tensor, value.shape, real.astype(np.float32), value.index)


def absolute(ctx: Context, node: onnx.NodeProto, x: Linear) -> Linear:
    """The absolute values of a map as a map of the same scale, exactly: all are at most 255 steps,
    which int8 holds with a zero point of -128.
    """
    table = as_table(ctx, x)
    table = replace(table, values=np.abs(table.values))
    name = f"{node.name}/abs"
    raw = ctx.quantise(name, table, f"{node.output[0]}/abs", ctx.tensor(x).scale, INT8_MIN)
    return replace(raw, raw=False)


def evaluate(node, table, *more):
    """The node's function, by ONNX's reference implementation, on all 256 values of a tensor: a
    `Table`.
    """
    values = [
        table.values,
        *(m.values if isinstance(m, Table) else m.astype(np.float32) for m in more),
    ]
    names = [f"x{i}" for i in range(len(values))]
    copy = helper.make_node(node.op_type, names, ["y"], domain=node.domain)
    copy.attribute.extend(node.attribute)
    graph = helper.make_graph(
        [copy],
        "f",
        [helper.make_tensor_value_info(n, 1, None) for n in names],
        [helper.make_tensor_value_info("y", 1, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", onnx_opset_version())])
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(
                ReferenceEvaluator(model).run(None, dict(zip(names, values, strict=True)))[0],
                np.float32,
            )
    except Exception as e:  # the reference raises whatever the operator's code does
        raise Unsupported(f"onnx cannot evaluate it: {' '.join(str(e).split())[:120]}") from e
    return Table(table.tensor, table.shape, np.broadcast_to(result, 256).copy(), table.index)
