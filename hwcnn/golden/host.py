"""The float operations that the host runs after the accelerator, from their ONNX definitions."""

from collections.abc import Callable

import numpy as np


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """ONNX Softmax, opset 13."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """ONNX LogSoftmax, opset 13."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


#: ONNX operator to its function of one float array; keyword arguments are the operator's
#: attributes.
HOST_OPS: dict[str, Callable[..., np.ndarray]] = {"Softmax": softmax, "LogSoftmax": log_softmax}
