"""Independent references for golden: onnxruntime's float operators, and exact rationals one element
at a time.
"""

from fractions import Fraction

import numpy as np
import onnxruntime as ort
from onnx import helper


def onnx_op(op_type, *inputs, dtype=np.float32, **attributes):
    """The result of one ONNX operator (opset 17) under onnxruntime."""
    names = [f"i{k}" for k in range(len(inputs))]
    arrays = {n: np.ascontiguousarray(a) for n, a in zip(names, inputs, strict=True)}
    graph = helper.make_graph(
        [helper.make_node(op_type, names, ["o"], **attributes)],
        "op",
        [_value_info(n, a.dtype, a.shape) for n, a in arrays.items()],
        [_value_info("o", np.dtype(dtype), None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, arrays
    )[0]


def _value_info(name, dtype, shape):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)


def exact(numerator, shift, zero, low=-128, high=127):
    """``clamp(zero + round_half_even(numerator / 2**shift))`` of one integer; round() of a Fraction
    is half-even.
    """
    return min(max(zero + round(Fraction(int(numerator), 1 << int(shift))), low), high)


def exact_map(numerators, shift, zero, low=-128, high=127):
    """`exact` of every element; shift broadcasts."""
    shift = np.broadcast_to(shift, np.shape(numerators))
    flat = [
        exact(n, s, zero, low, high)
        for n, s in zip(np.ravel(numerators), np.ravel(shift), strict=True)
    ]
    return np.array(flat, np.int64).reshape(np.shape(numerators))


def int8(rng, *shape, low=-128, high=127):
    return rng.integers(low, high, shape, dtype=np.int8, endpoint=True)
