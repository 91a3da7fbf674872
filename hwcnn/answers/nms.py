"""Non-maximum suppression, by onnxruntime."""

from functools import cache

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper


def suppress(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, iou: float, most: int
) -> np.ndarray:
    """Of each class, the boxes that overlap no better one of that class by more than `iou`
    (intersection over union): int64 [found, 2] of class and box, the highest scores first.

    boxes : float32 [n, 4], corners. scores : float32 [n, classes]; those up to `threshold` are left
    out. most : boxes in all. ONNX operator NonMaxSuppression, opset 11.
    """
    if not boxes.size:
        return np.empty((0, 2), np.int64)
    (selected,) = _session().run(
        None,
        {
            "boxes": boxes[None].astype(np.float32),
            "scores": np.ascontiguousarray(scores.T[None], np.float32),
            "most": np.array([most], np.int64),
            "iou": np.array([iou], np.float32),
            "threshold": np.array([threshold], np.float32),
        },
    )
    found = np.asarray(selected)[:, 1:]
    order = np.argsort(-scores[found[:, 1], found[:, 0]], kind="stable")
    return found[order][:most]


@cache
def _session() -> ort.InferenceSession:
    floats, integers = TensorProto.FLOAT, TensorProto.INT64
    inputs = [
        helper.make_tensor_value_info("boxes", floats, (1, None, 4)),
        helper.make_tensor_value_info("scores", floats, (1, None, None)),
        helper.make_tensor_value_info("most", integers, (1,)),
        helper.make_tensor_value_info("iou", floats, (1,)),
        helper.make_tensor_value_info("threshold", floats, (1,)),
    ]
    node = helper.make_node("NonMaxSuppression", [i.name for i in inputs], ["selected"])
    output = helper.make_tensor_value_info("selected", integers, (None, 3))
    model = helper.make_model(
        helper.make_graph([node], "nms", inputs, [output]),
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 11)],
    )
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
