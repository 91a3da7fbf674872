"""onnxruntime sessions on models in memory, whose large constants are not copied."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from hwcnn.errors import InputError, RunError

from .weightless import is_large, without_weights

#: Copies sizes by the 0 of Reshape beside a -1, which fails where a size is 0: a detector's map
#: without an object.
_UNSAFE = ["ReshapeFusion"]
#: onnxruntime's logging level "fatal": its errors arrive as exceptions.
_QUIET = 4


def session(
    model: onnx.ModelProto,
    level: ort.GraphOptimizationLevel = ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    outputs: Iterable[str] = (),
) -> ort.InferenceSession:
    """A CPU session on a model, without optimisations unless asked.

    outputs : names of further values that it can give. Raises InputError for what onnxruntime
    refuses.
    """
    weightless = without_weights(model)
    have = {o.name for o in weightless.graph.output}
    weightless.graph.output.extend(
        onnx.ValueInfoProto(name=n) for n in dict.fromkeys(outputs) if n not in have
    )
    large = [tensor for tensor in model.graph.initializer if is_large(tensor)]
    return open_session(weightless, [(t.name, numpy_helper.to_array(t)) for t in large], level)


def open_session(
    weightless: onnx.ModelProto,
    constants: Sequence[tuple[str, np.ndarray]],
    level: ort.GraphOptimizationLevel,
    optimised_path: Path | None = None,
) -> ort.InferenceSession:
    """A session on a model as `without_weights` gives it, and its large constants: (name, array).

    optimised_path : where onnxruntime writes the optimised model. Raises InputError for what
    onnxruntime refuses, RunError where the disk is full.
    """
    options = ort.SessionOptions()
    values = [ort.OrtValue.ortvalue_from_numpy(array) for _, array in constants]
    if values:
        options.add_external_initializers([name for name, _ in constants], values)
    options.graph_optimization_level = level
    options.log_severity_level = _QUIET
    if optimised_path is not None:
        options.optimized_model_filepath = str(optimised_path)
    try:
        return ort.InferenceSession(
            weightless.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=_UNSAFE,
        )
    except Exception as e:  # onnxruntime's exceptions share no public base class
        if (
            optimised_path is not None
            and shutil.disk_usage(optimised_path.parent).free < weightless.ByteSize()
        ):
            raise RunError(
                f"{optimised_path.parent}: no space left there for the optimised model; free some"
            ) from e
        raise InputError(f"onnxruntime refuses the model: {' '.join(str(e).split())[:300]}") from e
