"""Faster R-CNN on the net of Zeiler and Fergus (Ren et al. 2015, arXiv:1506.01497), as two
programs.

The first computes features and what the region proposal network says of nine boxes a cell; the host
takes the best boxes and pools the features of each (RoI pooling, 6x6); the second classifies them,
a region an image of its batch.
"""

from typing import TYPE_CHECKING

from ..classification.vgg import hidden

if TYPE_CHECKING:
    from ..builder import Builder

CLASSES, ANCHORS = 21, 9


def proposals(b: "Builder", x: str) -> tuple[str, str, str]:
    """Features [256, H/16, W/16] of input x; probabilities of "nothing" for nine anchors a cell,
    then of "object"; four offsets for each anchor.
    """
    x = b.lrn("norm1", b.conv_relu("conv1", x, b.scaled(96), 7, stride=2, pad=3), 3, 5e-5)
    x = b.max_pool("pool1", x, 3, 2, 1)
    x = b.lrn("norm2", b.conv_relu("conv2", x, b.scaled(256), 5, stride=2, pad=2), 3, 5e-5)
    x = b.max_pool("pool2", x, 3, 2, 1)
    for k, channels in enumerate((384, 384, 256), 3):
        x = b.conv_relu(f"conv{k}", x, b.scaled(channels), 3, pad=1)
    rpn = b.conv_relu("rpn", x, b.scaled(256), 3, pad=1)
    scores = b.conv("rpn_scores", rpn, 2 * ANCHORS, 1, gain=0.002)
    _, height, width = b.shapes[scores]
    pairs = b.reshape("rpn_pairs", scores, (2, ANCHORS * height, width))
    probabilities = b.softmax(pairs, "rpn_softmax", axis=1)
    maps = b.reshape("rpn_probabilities", probabilities, (2 * ANCHORS, height, width))
    return x, maps, b.conv("rpn_offsets", rpn, 4 * ANCHORS, 1, gain=0.001)


def regions(b: "Builder", x: str) -> tuple[str, str]:
    """Probabilities of 21 classes, and four offsets for each, of the pooled features x
    [256, 6, 6] of a region.
    """
    x = hidden(b, b.flatten(x))
    return b.softmax(b.fc("scores", x, CLASSES)), b.fc("offsets", x, 4 * CLASSES)
