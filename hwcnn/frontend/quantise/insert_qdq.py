"""QuantizeLinear and DequantizeLinear around every layer of a float model, by onnxruntime's static
quantiser.
"""

import contextlib
import logging
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet

import numpy as np
import onnx
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from hwcnn.errors import InputError
from hwcnn.frontend.model.edit import name_nodes

from .fused_values import fused_values

#: Operators that onnxruntime must quantise like any other: average pooling with a scale of its own,
#: constants left float.
_GENERIC = {"BatchNormalization": "hwcnn_BatchNormalization", "AveragePool": "hwcnn_AveragePool"}


def insert_qdq(
    model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]], names: Collection[str]
) -> onnx.ModelProto:
    """The model as QDQ; `model` itself is used up.

    model : float, canonical, its nodes named and its shapes inferred. names : of the nodes that are
    quantised. ranges : (lowest, highest) of every activation that these read or give. Raises
    InputError where onnxruntime refuses it.
    """
    nodes = [n for n in model.graph.node if n.name in names]
    values = {False: set[str](), True: set[str]()}
    for node in model.graph.node:
        values[node.name in names] |= {*node.input, *node.output}
    for node in nodes:
        node.op_type = _GENERIC.get(node.op_type, node.op_type)
    data: dict[str, TensorData | tuple[float, ...]] = {
        n: TensorData(lowest=np.float32(low), highest=np.float32(high))
        for n, (low, high) in ranges.items()
    }
    _mark_inferred(model)
    try:
        with _without_warnings():
            quantiser = _Quantiser(
                model,
                per_channel=True,
                reduce_range=False,
                weight_qType=QuantType.QInt8,
                activation_qType=QuantType.QInt8,
                tensors_range=TensorsData(CalibrationMethod.MinMax, data),
                nodes_to_quantize=[n.name for n in nodes],
                nodes_to_exclude=[],
                op_types_to_quantize=sorted({n.op_type for n in nodes}),
                extra_options={
                    "QDQKeepRemovableActivations": True,
                    "ForceQuantizeNoInputCheck": True,
                },
            )
            quantiser.stay_float = fused_values(model, values[False] & values[True])
            for name in sorted({t for n in nodes for t in [*n.input, *n.output]} & set(ranges)):
                quantiser.quantize_activation_tensor(name)
            result = quantiser.quantize_model()
    except Exception as e:  # whatever onnxruntime's code raises on a model that it does not expect
        reason = f"{type(e).__name__}: {' '.join(str(e).split())[:200]}"
        raise InputError(f"onnxruntime's quantiser refuses the model: {reason}") from e
    original = {generic: name for name, generic in _GENERIC.items()}
    for node in result.graph.node:
        node.op_type = original.get(node.op_type, node.op_type)
    name_nodes(result)
    ONNXModel(result).topological_sort()
    return result


class _Quantiser(QDQQuantizer):
    """onnxruntime's, except that constants of element-wise operators, and the values in
    `stay_float`, stay float.
    """

    stay_float: AbstractSet[str] = frozenset()

    def quantize_activation_tensor(self, tensor_name: str) -> None:
        if (
            tensor_name
            and tensor_name not in self.stay_float
            and tensor_name not in self.initializers
        ):
            super().quantize_activation_tensor(tensor_name)

    def quantize_bias_tensor(
        self,
        node_name: str,
        bias_name: str,
        input_name: str,
        weight_name: str,
        beta: float = 1.0,
    ) -> None:
        """The bias of a transposed convolution in groups stays float: it has more channels than its
        weights have scales.
        """
        node = next(n for n in self.model.nodes() if n.name == node_name)
        if node.op_type != "ConvTranspose" or not any(
            a.name == "group" and a.i > 1 for a in node.attribute
        ):
            super().quantize_bias_tensor(node_name, bias_name, input_name, weight_name, beta)

    def adjust_tensor_ranges(self) -> None:
        """Ranges stay as measured: no activation is removed in favour of a saturating
        QuantizeLinear.
        """


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """onnxruntime logs advice on the root logger, which is not for our user; what the program has
    set is put back.
    """
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)


def _mark_inferred(model: onnx.ModelProto) -> None:
    """Tell onnxruntime that shapes are inferred, which saves its round trip through the disk."""
    entry = model.metadata_props.add()
    entry.key, entry.value = "onnx.infer", "onnxruntime.quant"
