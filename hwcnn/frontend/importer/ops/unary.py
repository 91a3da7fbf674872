"""Functions of one value as a table of 256 entries, evaluated by onnx's reference."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from onnx.defs import onnx_opset_version
from onnx.reference import ReferenceEvaluator

from hwcnn.fixedpoint import INT8_MIN
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.registry import Unsupported, operator
from hwcnn.frontend.importer.values import Const, Linear, Table

#: All of ONNX's element-wise functions of one float that have no other handler.
FUNCTIONS = (
    *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh"),
    *("Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log"),
    *("Mish", "Neg", "Reciprocal", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh"),
    *("Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu"),
)


@operator(*FUNCTIONS, attributes=("all",), limits="defined over all of its input's range")
def function(ctx: Context, node: onnx.NodeProto, x: Value) -> Table:
    """ONNX's functions of one element in `FUNCTIONS`, opset 1-28, with all their attributes; x of
    any shape. Unsupported: x computed channel by channel without QuantizeLinear; where the result
    is quantised, a function that is not defined over all of x's range.
    """
    return evaluate(node, as_table(ctx, x))


@operator("Pow", limits="one operand one constant")
def power(ctx: Context, node: onnx.NodeProto, x: Value, y: Value) -> Table:
    """ONNX Pow, opset 1-15: x of any shape to one constant power, or one constant to the power of
    y. Unsupported: two maps, constants of more than one value.
    """
    if isinstance(x, Const) and x.array.size == 1:
        table = as_table(ctx, y)
        with np.errstate(all="ignore"):
            return replace(table, values=np.float32(x.real.item()) ** table.values)
    if not isinstance(y, Const) or y.array.size != 1:
        raise Unsupported("its operands are not a map and one constant")
    return evaluate(node, as_table(ctx, x), y.array.reshape(()))


def as_table(ctx: Context, value: Value) -> Table:
    """A value that is a function of one tensor as a `Table`. Raises Unsupported otherwise."""
    if isinstance(value, Table):
        return value
    if isinstance(value, Linear) and value.by_channel:
        raise Unsupported(
            "a nonlinear function of a value scaled channel by channel without QuantizeLinear "
            "between"
        )
    linear = value if isinstance(value, Linear) else ctx.materialise(value)
    x = ctx.tensor(linear)
    real = (np.arange(-128, 128) - x.zero).astype(np.float32) * np.float32(x.scale)
    real = real * np.float32(linear.mul) + np.float32(linear.add)
    real = np.clip(real, linear.low, linear.high).astype(np.float32)
    return Table(linear.tensor, linear.shape, real, linear.index)


def absolute(ctx: Context, node: onnx.NodeProto, x: Linear) -> Linear:
    """The absolute values of a map as a map of the same scale, exactly: all are at most 255 steps,
    which int8 holds with a zero point of -128.
    """
    return _in_same_steps(ctx, node, x, "abs", np.abs, INT8_MIN)


def negative(ctx: Context, node: onnx.NodeProto, x: Linear) -> Linear:
    """A map with all signs changed as a map of the same scale, exactly: its integers are -1 - q."""
    return _in_same_steps(ctx, node, x, "less", np.negative, -1 - ctx.tensor(x).zero)


def _in_same_steps(
    ctx: Context, node: onnx.NodeProto, x: Linear, what: str, function: np.ufunc, zero: int
) -> Linear:
    table = as_table(ctx, x)
    table = replace(table, values=function(table.values))
    name = f"{node.output[0]}/{what}"
    raw = ctx.quantise(f"{node.name}/{what}", table, name, ctx.tensor(x).scale, zero)
    assert isinstance(raw, Linear)  # what quantises a table
    return replace(raw, raw=False)


def evaluate(node: onnx.NodeProto, table: Table, *more: Table | npt.NDArray[np.generic]) -> Table:
    """The node's function, by ONNX's reference implementation, on all 256 values of a tensor.

    more : further operands: tables of the same tensor, or scalars. Raises Unsupported where onnx
    cannot evaluate it.
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
        with np.errstate(all="ignore"):  # infinity and what is no number are values here
            (result,) = ReferenceEvaluator(model).run(None, dict(zip(names, values, strict=True)))
    except Exception as e:  # the reference raises whatever the operator's code does
        raise Unsupported(f"onnx cannot evaluate it: {' '.join(str(e).split())[:120]}") from e
    result = np.broadcast_to(np.asarray(result, np.float32), 256).copy()
    return Table(table.tensor, table.shape, result, table.index)
