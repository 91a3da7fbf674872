"""The float operations that the host runs after the accelerator, from their ONNX definitions."""

import numpy as np


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


#: ONNX operator to its function of one float array; keyword arguments are the operator's
#: attributes.
HOST_OPS = {"Softmax": softmax, "LogSoftmax": log_softmax}
