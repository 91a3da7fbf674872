"""Quantised models whose last layer gives float results, as exports from training do: the
accelerator needs their scale.
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.quant_utils import compute_scale_zp

from hwcnn.frontend.model.edit import replace
from hwcnn.frontend.model.onnx_index import OnnxIndex

from . import calibrate
from .host_tail import HOST_OPERATORS

#: What may stand between the last layer and an output.
_TRANSPARENT = HOST_OPERATORS | {
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Identity",
    "Dropout",
}
_INT8 = (TensorProto.INT8, TensorProto.UINT8)


def quantise_outputs(
    model: onnx.ModelProto,
    calibration: Iterable[calibrate.Sample] | None = None,
    seed: int = 0,
    names: list[str] | None = None,
) -> onnx.ModelProto:
    """A QDQ model in which every result is quantised: `model` itself if it is so, otherwise a copy
    with QuantizeLinear and DequantizeLinear after each layer that lacks them. Their ranges come
    from the samples, or from seeded noise. names : the float values to quantise; None: what layers
    give and only the host or an output reads.
    """
    names = _unquantised(model) if names is None else names
    if not names:
        return model
    samples = calibrate.random_samples(model, seed) if calibration is None else calibration
    measured = calibrate.ranges(model, samples, names=names)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        nodes.append(node)
        for name in set(node.output) & set(names):
            nodes += _quantiser(result, nodes, name, *measured[name])
    replace(result.graph.node, nodes)
    return result


def _unquantised(model: onnx.ModelProto) -> list[str]:
    """Names of the float values that layers give and only the host or an output reads."""
    index = OnnxIndex(model.graph)
    producers, found = index.producers, list[str]()
    for output in model.graph.output:
        name = output.name
        while name in producers and producers[name].op_type in _TRANSPARENT:
            name = producers[name].input[0]
        if (
            name in producers
            and producers[name].op_type != "DequantizeLinear"
            and index.types.get(name) not in _INT8
        ):
            found.append(name)
    return list(dict.fromkeys(found))


def _quantiser(
    model: onnx.ModelProto, nodes: list[onnx.NodeProto], name: str, low: float, high: float
) -> list[onnx.NodeProto]:
    """QuantizeLinear and DequantizeLinear after value `name`, whose producer is the last of
    `nodes`; it is renamed.
    """
    zero, scale = compute_scale_zp(np.float32(low), np.float32(high), np.int8(-128), np.int8(127))
    constants = [
        numpy_helper.from_array(np.asarray(scale, np.float32).reshape(()), f"{name}/scale"),
        numpy_helper.from_array(np.asarray(zero, np.int8).reshape(()), f"{name}/zero"),
    ]
    model.graph.initializer.extend(constants)
    real, q = f"{name}/real", f"{name}/quantised"
    producer = onnx.NodeProto.FromString(nodes.pop().SerializeToString())
    producer.output[list(producer.output).index(name)] = real
    parameters = [c.name for c in constants]
    return [
        producer,
        helper.make_node("QuantizeLinear", [real, *parameters], [q], name=q),
        helper.make_node("DequantizeLinear", [q, *parameters], [name], name=f"{name}/dequantised"),
    ]
