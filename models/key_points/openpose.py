"""OpenPose's body network (Cao et al. 2016, arXiv:1611.08050): ten layers of VGG-19, then six
stages of two branches, maps of 18 parts of the body (and background) and of 19 limbs' directions.
"""

from typing import TYPE_CHECKING

from hwcnn.tasks import KeyPoints

from ..classification.vgg import stage

if TYPE_CHECKING:
    from ..builder import Builder

STAGES = 6
#: Maps of each branch.
BRANCHES = {"limbs": 38, "parts": 19}
#: Pairs of parts that a limb joins: nose, neck, right shoulder, elbow, wrist, left ones, right hip,
#: knee, ankle, left ones, eyes, ears.
LIMBS = (
    *((1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12)),
    *((12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
TASK = KeyPoints("heat-maps", points=18, limbs=LIMBS)


def openpose(b: "Builder", x: str) -> tuple[str, str]:
    """Maps of the parts and of the limbs, an eighth of the size of input x."""
    for number, kernels in enumerate(("33", "33", "3333"), 1):
        x = b.max_pool(f"pool{number}", stage(b, x, number, kernels), 2, 2)
    x = stage(b, x, 4, "33")
    for k, channels in ((3, 256), (4, 128)):
        x = b.conv_relu(f"conv4_{k}_CPM", x, b.scaled(channels), 3, pad=1)
    features = x
    for number in range(1, STAGES + 1):
        limbs, parts = (_branch(b, f"stage{number}.{n}", x, c) for n, c in BRANCHES.items())
        if number < STAGES:
            x = b.concat(f"stage{number}", [limbs, parts, features])
    return parts, limbs


def _branch(b: "Builder", name: str, x: str, maps: int) -> str:
    """Three 3x3 convolutions and a wide 1x1 in stage 1, five 7x7 and a 1x1 later; then the maps."""
    first = name.startswith("stage1.")
    kernels, wide = ((3, 3, 3), 512) if first else ((7,) * 5, 128)
    for k, kernel in enumerate(kernels, 1):
        x = b.conv_relu(f"{name}.conv{k}", x, b.scaled(128), kernel, pad=kernel // 2)
    x = b.conv_relu(f"{name}.wide", x, b.scaled(wide), 1)
    return b.conv(f"{name}.maps", x, maps, 1, gain=1.0)
