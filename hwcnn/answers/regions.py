"""What the host does between the two programs of a detector in two stages: the best proposals, and
the features of each (Ren et al. 2015, Faster R-CNN, arXiv:1506.01497, section 3; Girshick 2015,
Fast R-CNN, arXiv:1504.08083, section 2.1).
"""

from functools import cache

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

from .candidates import corners
from .nms import suppress

#: Pixels of the picture from cell to cell.
STRIDE = 16
#: Sides of the anchors' squares in pixels; heights over widths.
SIDES, RATIOS = (128, 256, 512), (0.5, 1.0, 2.0)
#: Proposals that are compared with one another, that overlap at most, and sides in pixels at least.
COMPARED, IOU, SMALLEST = 6000, 0.7, 16


def anchors(rows: int, columns: int) -> np.ndarray:
    """float64 [rows, columns, 9, 4]: centre x and y, width and height in pixels of the anchors of
    each cell, ratio by ratio.
    """
    sizes = np.array([(s / np.sqrt(r), s * np.sqrt(r)) for r in RATIOS for s in SIDES])
    y, x = (np.mgrid[:rows, :columns] + 0.5) * STRIDE
    centres = np.stack([x, y], -1)[:, :, None].repeat(len(sizes), 2)
    return np.concatenate([centres, np.broadcast_to(sizes, centres.shape)], -1)


def propose(
    scores: np.ndarray, offsets: np.ndarray, size: tuple[int, int], most: int = 300
) -> np.ndarray:
    """The best boxes, float32 [n, 4] as left, top, right and bottom in pixels, the best first.

    scores : [9, rows, columns], of "object". offsets : [36, rows, columns], of each anchor in turn
    those of x, y, width and height. size : height and width of the picture, which boxes are cut to.
    """
    _, rows, columns = scores.shape
    boxes = anchors(rows, columns).reshape(-1, 4)
    moves = offsets.reshape(-1, 4, rows, columns).transpose(2, 3, 0, 1).reshape(-1, 4)
    found = corners(
        boxes[:, :2] + moves[:, :2] * boxes[:, 2:],
        boxes[:, 2:] * np.exp(np.minimum(moves[:, 2:], 4)),
    )
    height, width = size
    found = np.clip(found, 0, [width, height, width, height]).astype(np.float32)
    values = scores.transpose(1, 2, 0).reshape(-1)
    large = np.flatnonzero((found[:, 2:] - found[:, :2]).min(1) >= SMALLEST)
    best = large[np.argsort(-values[large], kind="stable")[:COMPARED]]
    kept = suppress(found[best], values[best, None], -np.inf, IOU, most)
    return found[best[kept[:, 1]]]


def pool(features: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """The highest features in side x side parts of each box: float32 [n, C, side, side].

    features : [C, rows, columns]. boxes : as `propose` gives them. ONNX operator MaxRoiPool, 1.
    """
    regions = np.concatenate([np.zeros((len(boxes), 1)), boxes], 1).astype(np.float32)
    (pooled,) = _session(side).run(
        None, {"features": features[None].astype(np.float32), "regions": regions}
    )
    return np.asarray(pooled)


@cache
def _session(side: int) -> ort.InferenceSession:
    inputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, (1, None, None, None)),
        helper.make_tensor_value_info("regions", TensorProto.FLOAT, (None, 5)),
    ]
    node = helper.make_node(
        "MaxRoiPool",
        ["features", "regions"],
        ["pooled"],
        pooled_shape=(side, side),
        spatial_scale=1 / STRIDE,
    )
    output = helper.make_tensor_value_info("pooled", TensorProto.FLOAT, (None, None, side, side))
    model = helper.make_model(
        helper.make_graph([node], "regions", inputs, [output]),
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 11)],
    )
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
