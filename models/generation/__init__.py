"""New pictures: in another style, with colours."""

from hwcnn.preprocess import Preprocess
from hwcnn.tasks import Restore

from ..info import CENTRED, ModelInfo
from .colour import coloriser
from .cyclegan import generator

NETWORKS = (
    ModelInfo(
        "cyclegan",
        "CycleGAN's generator (2017): nine residual blocks, instance normalisation",
        256,
        CENTRED,
        generator,
        "Zhu et al. 2017, arXiv:1703.10593",
        task=Restore(),
    ),
    ModelInfo(
        "coloriser",
        "colourful image colorization (2016): dilated convolutions, 313 colours",
        256,
        Preprocess((127.5,), (1 / 255,), "L"),
        coloriser,
        "Zhang et al. 2016, arXiv:1603.08511",
        task=None,
    ),
)
