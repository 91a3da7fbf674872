"""Depth and shape: from two pictures, or from one."""

from ..info import GREY_CENTRED, UNIT, ModelInfo
from .stereo import matcher
from .voxels import voxels

NETWORKS = (
    ModelInfo(
        "mc-cnn",
        "MC-CNN fast (2015): stereo by two towers and their correlation",
        (120, 400),
        GREY_CENTRED,
        matcher,
        "Zbontar and LeCun 2015, arXiv:1510.05970",
        task=None,
    ),
    ModelInfo(
        "voxels",
        "perspective transformer nets (2016): 32x32x32 voxels of one picture",
        64,
        UNIT,
        voxels,
        "Yan et al. 2016, arXiv:1612.00814",
        task=None,
    ),
)
