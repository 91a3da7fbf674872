"""Whose face it is, and whether it is a live one."""

from hwcnn.preprocess import Preprocess

from ..info import CAFFE, ModelInfo
from .anti_spoofing import fasnet
from .descriptor import descriptor

NETWORKS = (
    ModelInfo(
        "face-descriptor",
        "dlib's face descriptor: a ResNet with 128 outputs, matched by distance",
        150,
        Preprocess((122.782, 117.001, 104.298), (1 / 256,) * 3, "RGB"),
        descriptor,
        "King 2009, JMLR 10",
        task=None,
    ),
    ModelInfo(
        "fasnet",
        "FASNet (2017): live face or a picture of one, VGG-16",
        96,
        CAFFE,
        fasnet,
        "Lucena et al. 2017, ICIAR",
        task=None,
    ),
)
