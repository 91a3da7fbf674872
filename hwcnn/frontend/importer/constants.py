"""Nodes on constants, by ONNX's reference implementation."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from .registry import Unsupported


def evaluate_node(
    node: onnx.NodeProto, constants: Mapping[str, np.ndarray], opset: int
) -> list[np.ndarray]:
    """Every result of the node. constants : its inputs by name, those that it has. Raises
    Unsupported where onnx cannot evaluate it.
    """
    names = [n for n in node.input if n]
    graph = onnx.helper.make_graph(
        [node],
        "constant",
        [onnx.helper.make_tensor_value_info(n, 0, None) for n in dict.fromkeys(names)],
        [onnx.helper.make_tensor_value_info(o, 0, None) for o in node.output if o],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    try:
        results = ReferenceEvaluator(model).run(None, dict(constants))
    except Exception as e:  # the reference raises whatever the operator's code does
        raise Unsupported(f"it cannot be evaluated: {' '.join(str(e).split())[:120]}") from e
    return [np.asarray(r) for r in results]
