"""Where the objects of a picture are: boxes with classes."""

from ..info import CAFFE, FEATURES, UNIT, ModelInfo
from .faster_rcnn import proposals, regions
from .ssd import TASK, ssd300
from .yolo import V2_BOXES, V3_BOXES, yolov2_tiny, yolov3_tiny

_FASTER_RCNN = "Ren et al. 2015, arXiv:1506.01497"

NETWORKS = (
    ModelInfo(
        "yolov2-tiny",
        "YOLOv2-tiny (2016): 20 classes, five boxes a cell",
        416,
        UNIT,
        yolov2_tiny,
        "Redmon and Farhadi 2016, arXiv:1612.08242",
        task=V2_BOXES,
    ),
    ModelInfo(
        "yolov3-tiny",
        "YOLOv3-tiny (2018): 80 classes, cells of two sizes",
        416,
        UNIT,
        yolov3_tiny,
        "Redmon and Farhadi 2018, arXiv:1804.02767",
        task=V3_BOXES,
    ),
    ModelInfo(
        "ssd300",
        "SSD-300 (2015): VGG-16 and six maps, 8,732 boxes",
        300,
        CAFFE,
        ssd300,
        "Liu et al. 2015, arXiv:1512.02325",
        task=TASK,
    ),
    ModelInfo(
        "faster-rcnn",
        "Faster R-CNN (2015), first part: features and region proposals",
        (600, 800),
        CAFFE,
        proposals,
        _FASTER_RCNN,
        task=None,
    ),
    ModelInfo(
        "faster-rcnn-head",
        "Faster R-CNN, second part: classes and boxes of pooled regions",
        6,
        FEATURES,
        regions,
        _FASTER_RCNN,
        channels=256,
        task=None,
    ),
)
