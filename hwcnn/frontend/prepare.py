"""Float graph clean-up before quantisation, by onnxruntime's own optimiser: constants and batch norms folded, no-ops dropped."""

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
from onnx import shape_inference

from ..errors import InputError

#: onnxruntime's logging level "error".
_QUIET = 3


def session(model, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL, optimised_path=None):
    """An onnxruntime CPU session on a ModelProto or serialized bytes. Raises InputError for what onnxruntime refuses."""
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = _QUIET
    if optimised_path is not None:
        options.optimized_model_filepath = str(optimised_path)
    data = model if isinstance(model, bytes) else model.SerializeToString()
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as e:  # onnxruntime's exceptions share no public base class
        raise InputError(f"onnxruntime refuses the model: {' '.join(str(e).split())[:300]}") from e


def fold(model):
    """A new float ModelProto: constants folded, batch norms and per-channel Mul and Add folded into convolutions.

    Names of all tensors that remain are kept. All nodes have names, and all shapes are inferred.
    """
    with tempfile.TemporaryDirectory(prefix="hwcnn.") as folder:
        path = Path(folder) / "folded.onnx"
        session(model, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, path)
        folded = onnx.load(path)
    used = {n.domain for n in folded.graph.node} | {""}
    kept = [o for o in folded.opset_import if o.domain in used]
    del folded.opset_import[:]
    folded.opset_import.extend(kept)
    name_nodes(folded)
    return shape_inference.infer_shapes(folded, data_prop=True)


def name_nodes(model):
    """Give every node a unique name, in place: its own, or the name of its first output."""
    seen = set()
    for node in model.graph.node:
        name = base = node.name or node.output[0]
        count = 1
        while name in seen:
            count += 1
            name = f"{base}_{count}"
        node.name = name
        seen.add(name)
