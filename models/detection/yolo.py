"""YOLOv2-tiny (Redmon and Farhadi 2016, arXiv:1612.08242) for the 20 classes of VOC, and
YOLOv3-tiny (Redmon and Farhadi 2018, arXiv:1804.02767) for the 80 of COCO, as in Darknet's
configurations.
"""

from typing import TYPE_CHECKING

from hwcnn.tasks import Boxes

from ..classification.resnet import conv_norm

if TYPE_CHECKING:
    from ..builder import Builder

#: Channels of the convolutions that a max pool follows.
TRUNK = (16, 32, 64, 128, 256, 512)
V2_BOXES = Boxes(
    "yolov2",
    strides=(32,),
    anchors=(
        ((34.56, 38.08), (109.44, 141.12), (212.16, 364.16), (301.44, 163.52), (531.84, 336.64)),
    ),
)
V3_BOXES = Boxes(
    "yolov3",
    strides=(32, 16),
    anchors=(
        ((81.0, 82.0), (135.0, 169.0), (344.0, 319.0)),
        ((10.0, 14.0), (23.0, 27.0), (37.0, 58.0)),
    ),
)


def yolov2_tiny(b: "Builder", x: str) -> str:
    """Five boxes with 20 classes for each cell of 32 pixels of input x."""
    x = _trunk(b, x)[-1]
    for k in (7, 8):
        x = _layer(b, f"conv{k}", x, 1024)
    return b.conv("conv9", x, 5 * (5 + 20), 1, gain=1.0)


def yolov3_tiny(b: "Builder", x: str) -> tuple[str, str]:
    """Three boxes with 80 classes for each cell of 32 pixels of input x, and of 16 pixels."""
    *_, fine, x = _trunk(b, x)
    x = _layer(b, "conv8", _layer(b, "conv7", x, 1024), 256, 1)
    coarse_boxes = b.conv("boxes32", _layer(b, "conv9", x, 512), 3 * (5 + 80), 1, gain=1.0)
    up = b.upsample("up", _layer(b, "conv11", x, 128, 1), 2)
    x = _layer(b, "conv12", b.concat("both", [up, fine]), 256)
    return coarse_boxes, b.conv("boxes16", x, 3 * (5 + 80), 1, gain=1.0)


def _trunk(b: "Builder", x: str) -> list[str]:
    """The last map before a pool of stride 2, and the last pool."""
    fine = x
    for k, channels in enumerate(TRUNK, 1):
        x = _layer(b, f"conv{k}", x, channels)
        if k == 5:
            fine = x
        last = k == len(TRUNK)  # this one keeps the size: stride 1, a pad behind
        x = b.max_pool(f"pool{k}", x, 2, 1 if last else 2, (0, 0, 1, 1) if last else 0)
    return [fine, x]


def _layer(b: "Builder", name: str, x: str, channels: int, kernel: int = 3) -> str:
    """Convolution, batch norm, and a leaky ReLU of slope 0.1."""
    x = conv_norm(b, name, x, b.scaled(channels), kernel, pad=kernel // 2)
    return b.leaky_relu(x, 0.1)
