"""Where the points of a face or a body are."""

from hwcnn.preprocess import Preprocess
from hwcnn.tasks import KeyPoints

from ..info import CENTRED, ModelInfo
from .openpose import TASK, openpose
from .vanilla import landmarks

NETWORKS = (
    ModelInfo(
        "landmarks68",
        "68 points of a face (2015): four convolutions, two fully connected layers",
        40,
        CENTRED,
        landmarks,
        "Wu et al. 2015, arXiv:1511.04031",
        task=KeyPoints(unit="unit"),
    ),
    ModelInfo(
        "openpose",
        "OpenPose (2016): parts and limbs of bodies, six stages of two branches",
        368,
        Preprocess((128.0,), (1 / 256,), "BGR"),
        openpose,
        "Cao et al. 2016, arXiv:1611.08050",
        task=TASK,
    ),
)
