"""Float graph clean-up before quantisation, by onnxruntime's own optimiser: constants and batch
norms folded, no-ops dropped.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from hwcnn.errors import InputError

from .canonical import WEIGHTED, canonicalise
from .edit import infer_shapes, name_nodes, replace
from .group_norm import split_groups
from .onnx_index import OnnxIndex
from .session import open_session
from .weightless import is_large, without_weights


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """A new float model: constants folded, batch norms and per-channel Mul and Add folded into
    convolutions.

    Names of all tensors that remain are kept. All nodes have names, and all shapes are inferred.
    Raises InputError for what onnxruntime refuses, and for weights that are not finite.
    """
    unfoldable = _unfoldable(model)
    weightless = without_weights(model, as_inputs=lambda tensor: tensor.name in unfoldable)
    split_groups(weightless)
    constants = [
        (t.name, numpy_helper.to_array(t))
        for t in model.graph.initializer
        if is_large(t) and t.name not in unfoldable
    ]
    with tempfile.TemporaryDirectory(prefix="hwcnn.") as folder:
        path = Path(folder) / "folded.onnx"
        open_session(weightless, constants, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, path)
        folded = onnx.load(path)
    replace(folded.graph.input, [i for i in folded.graph.input if i.name not in unfoldable])
    folded.graph.initializer.extend(unfoldable.values())
    used = {n.domain for n in folded.graph.node} | {""}
    replace(folded.opset_import, [o for o in folded.opset_import if o.domain in used])
    canonicalise(folded)
    name_nodes(folded)
    infer_shapes(folded)
    _check_finite(folded)
    return folded


def _unfoldable(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """Weights that only Gemm and MatMul read, by name: there is nothing to fold into them."""
    readers = OnnxIndex(model.graph).readers
    return {
        t.name: t
        for t in model.graph.initializer
        if is_large(t) and {n.op_type for n in readers.get(t.name, ())} <= {"Gemm", "MatMul"}
    }


def _check_finite(model: onnx.ModelProto) -> None:
    index = OnnxIndex(model.graph)
    for node in model.graph.node:
        for name in node.input[1:] if node.op_type in WEIGHTED else ():
            array = index.array(name) if name in index.constants else np.zeros(1)
            if array.size and not np.isfinite([array.min(), array.max()]).all():
                raise InputError(
                    f"{node.name} ({node.op_type}): its constant {name!r} holds values that are "
                    "not finite"
                )
