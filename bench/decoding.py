"""The decoding of answers against what others have: OpenCV's Darknet layers (YOLOv2, YOLOv3), its
NMSBoxes and its decoder of text; torchvision's SSD boxes and batched_nms.

    pip install -e '.[decoding]'; python bench/decoding.py [--seed N]

One line each; exit code 1 where one differs.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from onnx import TensorProto, helper
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms

from hwcnn.answers.candidates import candidates
from hwcnn.answers.candidates import default_boxes as place
from hwcnn.answers.nms import suppress
from hwcnn.answers.text import read
from hwcnn.tasks import Boxes, Text, default_boxes

CLASSES, ROWS, COLUMNS, STRIDE = 4, 5, 7, 32
ANCHORS = ((20.0, 30.0), (60.0, 45.0), (90.0, 110.0))
NETWORK = """\
[net]
width={width}
height={height}
channels={channels}
batch=1
[convolutional]
filters={channels}
size=1
stride=1
pad=0
activation=linear
"""
REGION = {
    "yolov2": "[region]\nanchors={anchors}\nclasses={classes}\ncoords=4\nnum=3\nsoftmax=1\n",
    "yolov3": "[yolo]\nmask=0,1,2\nanchors={anchors}\nclasses={classes}\nnum=3\n",
}


def opencv_yolo(kind, values):
    """OpenCV's boxes (centre, size, in parts of the picture) and scores of a map [channels, rows,
    columns]: a Darknet network whose one convolution is the identity.
    """
    channels, rows, columns = values.shape
    # in cells of [region], in pixels of [yolo]: the network's input here has a pixel a cell
    anchors = ",".join(f"{side / STRIDE:.8f}" for side in np.array(ANCHORS).ravel())
    text = NETWORK.format(width=columns, height=rows, channels=channels)
    text += REGION[kind].format(anchors=anchors, classes=CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "net.cfg").write_text(text)
        weights = np.concatenate([np.zeros(channels), np.eye(channels).ravel()])
        header = np.zeros(4, np.int32).tobytes()  # version 0.0.0, pictures seen
        (path / "net.weights").write_bytes(header + weights.astype(np.float32).tobytes())
        net = cv2.dnn.readNetFromDarknet(str(path / "net.cfg"), str(path / "net.weights"))
    net.setInput(values[None].astype(np.float32))
    found = net.forward()
    return found[:, :4], found[:, 5:]


def yolo(kind, rng):
    """Largest difference from OpenCV, of boxes in pixels and of scores."""
    values = rng.normal(0, 1, (3 * (5 + CLASSES), ROWS, COLUMNS))
    ours = candidates(Boxes(kind, (STRIDE,), (ANCHORS,)), {"y": values}, (ROWS * 32, COLUMNS * 32))
    boxes, scores = opencv_yolo(kind, values)
    # OpenCV's order is row, column, anchor; scores below its thresholds are 0
    order = np.arange(3 * ROWS * COLUMNS).reshape(3, ROWS, COLUMNS).transpose(1, 2, 0).ravel()
    size = np.array([COLUMNS, ROWS]) * STRIDE
    centres, sides = boxes[:, :2] * size, boxes[:, 2:] * size
    theirs = np.concatenate([centres - sides / 2, centres + sides / 2], 1)
    kept = scores > 0
    assert kept.mean() > 0.1
    return max(
        np.abs(ours.boxes[order] - theirs).max(),
        np.abs(ours.scores[order] - scores)[kept].max(),
    )


def ssd(rng):
    """Largest difference from torchvision's SSD300, in pixels."""
    steps = (8, 16, 32, 64, 100, 300)
    smallest, largest = (30, 60, 111, 162, 213, 264), (60, 111, 162, 213, 264, 315)
    ratios = ([2], [2, 3], [2, 3], [2, 3], [2], [2])
    task = Boxes("ssd", steps, default_boxes(smallest, largest, ratios))
    generator = DefaultBoxGenerator(
        ratios, scales=[s / 300 for s in (*smallest, 315)], steps=list(steps), clip=False
    )
    maps = [torch.zeros(1, 1, n, n) for n in (38, 19, 10, 5, 3, 1)]
    (defaults,) = generator(ImageList(torch.zeros(1, 3, 300, 300), [(300, 300)]), maps)
    offsets = torch.tensor(rng.normal(0, 1, (len(defaults), 4)), dtype=torch.float32)
    theirs = BoxCoder((10.0, 10.0, 5.0, 5.0)).decode_single(offsets, defaults).numpy()
    assert len(place(task, (300, 300))) == len(defaults)
    outputs = {"boxes": offsets.numpy(), "scores": np.zeros((len(defaults), 21))}
    return np.abs(candidates(task, outputs, (300, 300)).boxes - theirs).max()


def nms(rng):
    """Boxes that are kept by us and not by torchvision or OpenCV, or the other way round."""
    corner, size = rng.uniform(0, 300, (1000, 2)), rng.uniform(10, 120, (1000, 2))
    boxes = np.concatenate([corner, corner + size], 1).astype(np.float32)
    scores = rng.uniform(0, 1, (1000, CLASSES)).astype(np.float32)
    ours = {tuple(pair) for pair in suppress(boxes, scores, 0.4, 0.45, 10**6).tolist()}
    label, box = np.nonzero(scores.T > 0.4)
    kept = batched_nms(
        torch.tensor(boxes[box]), torch.tensor(scores[box, label]), torch.tensor(label), 0.45
    ).numpy()
    torchvision = set(zip(label[kept].tolist(), box[kept].tolist(), strict=True))
    opencv = {
        (label, int(box))
        for label in range(CLASSES)
        for box in cv2.dnn.NMSBoxes(
            np.concatenate([corner, size], 1).tolist(), scores[:, label].tolist(), 0.4, 0.45
        )
    }
    return len(ours ^ torchvision) + len(ours ^ opencv)


def text(rng):
    """Lines that OpenCV's decoder reads otherwise."""
    alphabet, wrong = "0123456789", 0
    nodes = [
        helper.make_node("Squeeze", ["x"], ["z"], axes=[1]),
        helper.make_node("Transpose", ["z"], ["y"], perm=[1, 0, 2]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 30, 11))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (30, 1, 11))
    model = helper.make_model(
        helper.make_graph(nodes, "steps", [x], [y]),
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 11)],
    )
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    reader = cv2.dnn.TextRecognitionModel(net)
    reader.setDecodeType("CTC-greedy")
    reader.setVocabulary(list(alphabet))
    reader.setInputParams(1.0, (11, 30))
    for _ in range(100):
        scores = rng.normal(0, 1, (15, 11)).astype(np.float32).repeat(2, 0)
        wrong += reader.recognize(scores) != read(scores, Text(alphabet))
    return wrong


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    rng = np.random.default_rng(parser.parse_args(arguments).seed)
    found = {
        "yolov2, OpenCV: largest difference": (yolo("yolov2", rng), 1e-3),
        "yolov3, OpenCV: largest difference": (yolo("yolov3", rng), 1e-3),
        "ssd300, torchvision: largest difference": (ssd(rng), 1e-3),
        "suppression, torchvision and OpenCV: boxes that differ": (nms(rng), 0),
        "text, OpenCV: lines that differ": (text(rng), 0),
    }
    for name, (value, bound) in found.items():
        print(f"{name} {value:.6g} (at most {bound:g})")
    return 1 if any(not value <= bound for value, bound in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
