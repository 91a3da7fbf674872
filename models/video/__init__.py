"""What happens from frame to frame: gestures, and where something has gone."""

from ..info import CENTRED, ModelInfo
from .gesture import FRAMES, gesture
from .siamese import tracker

NETWORKS = (
    ModelInfo(
        "siamfc",
        "SiamFC (2016): a template found in a picture by correlation",
        255,
        CENTRED,
        tracker,
        "Bertinetto et al. 2016, arXiv:1606.09549",
        task=None,
    ),
    ModelInfo(
        "gesture",
        "early fusion (2014): 27 gestures in ten frames",
        170,
        CENTRED,
        gesture,
        "Karpathy et al. 2014, CVPR",
        channels=3 * FRAMES,
    ),
)
