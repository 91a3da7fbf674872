"""How well golden's integers agree with onnxruntime running the same QDQ model, one operation at a
time from the same inputs.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from hwcnn import golden, ir
from hwcnn.frontend.importer.values import map_shape
from hwcnn.frontend.model.onnx_index import OnnxIndex
from hwcnn.frontend.model.session import session

#: Least share of elements that must be equal, and the largest difference allowed.
BAR_EQUAL, BAR_DIFFERENCE = 0.999, 1


@dataclass
class Agreement:
    """One operation: elements compared, how many are equal, and the largest difference in int8
    steps.
    """

    name: str
    op: str
    elements: int = 0
    equal: int = 0
    max_difference: int = 0

    @property
    def approximate(self) -> bool:
        """Tables of LRN approximate on purpose, so they only have to stay within one step."""
        return self.op == "Lrn"

    @property
    def percent(self) -> float:
        """Equal elements of a hundred."""
        return 100 * self.equal / self.elements

    @property
    def passed(self) -> bool:
        return self.max_difference <= BAR_DIFFERENCE and (
            self.approximate or self.equal >= BAR_EQUAL * self.elements
        )


def agreement(
    model: onnx.ModelProto, graph: ir.Graph, samples: Iterable[Mapping[str, np.ndarray]]
) -> list[Agreement]:
    """An `Agreement` for each operation of the graph whose result onnxruntime also has.

    model : QDQ; graph : imported from it, not fused, so that each of its operations ends where a
    QuantizeLinear of the model does; samples : {ONNX input name: float32 array}. onnxruntime runs
    without graph optimisations, so that every QuantizeLinear is computed where it stands.
    """
    names = onnx_names(model, graph)
    run = session(model, outputs=names.values())
    rows = {op.name: Agreement(op.name, type(op).__name__) for op in graph.ops}
    for sample in samples:
        found = [np.asarray(value) for value in run.run(list(names.values()), dict(sample))]
        pairs = [(name, v, graph.tensors[name].shape) for name, v in zip(names, found, strict=True)]
        reference = {
            name: _int8_map(v, shape) for name, v, shape in pairs if _same_order(v.shape, shape)
        }
        _compare(graph, reference, rows)
    return [row for row in rows.values() if row.elements]


def onnx_names(model: onnx.ModelProto, graph: ir.Graph) -> dict[str, str]:
    """``{ir tensor name: name of the same int8 tensor in the model}`` where the model has it."""
    computed = OnnxIndex(model.graph).producers
    quantised: dict[str, str] = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            quantised.setdefault(node.input[0], node.output[0])
    result: dict[str, str] = {}
    for name in graph.tensors:
        if name in quantised:
            result[name] = quantised[name]
        elif name in computed:
            result[name] = name
    for name in set(graph.inputs) - set(result):
        found = _scaled_input(model, name, quantised)
        result |= {} if found is None else {name: found}
    return result


def _scaled_input(model: onnx.ModelProto, name: str, quantised: Mapping[str, str]) -> str | None:
    """The int8 tensor of an input whose constants before QuantizeLinear are part of its scale."""
    readers = OnnxIndex(model.graph).readers
    while name not in quantised:
        if len(found := readers.get(name, [])) != 1:
            return None
        name = found[0].output[0]
    return quantised[name]


def _same_order(shape: tuple[int, ...], of_tensor: tuple[int, ...]) -> bool:
    """False where the model has a rearranged view of the tensor, which stays in order where it is
    only flattened.
    """
    return map_shape(shape) == of_tensor or (
        len(shape) < 3 and math.prod(shape) == math.prod(of_tensor)
    )


def _int8_map(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    value = value.reshape(shape)
    return (value.astype(np.int16) - 128).astype(np.int8) if value.dtype == np.uint8 else value


def _compare(
    graph: ir.Graph, reference: Mapping[str, np.ndarray], rows: Mapping[str, Agreement]
) -> None:
    """Count, in `rows`, what each operation computes from the reference's operands."""
    tensors = dict(reference)
    for op in graph.ops:
        result = golden.run_op(op, graph, tensors)
        if op.y not in reference:
            tensors[op.y] = result
            continue
        difference = np.abs(result.astype(np.int16) - reference[op.y])
        row = rows[op.name]
        row.elements += difference.size
        row.equal += int((difference == 0).sum())
        row.max_difference = max(row.max_difference, int(difference.max()))
