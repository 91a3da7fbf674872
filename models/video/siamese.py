"""SiamFC (Bertinetto et al. 2016, arXiv:1606.09549): the same trunk, AlexNet's without pads, over a
picture of what is tracked and over where it may be; the correlation of both says where it is.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

#: Channels, kernel and groups of each convolution; the first has stride 2, a pool follows the first
#: two.
CONVS = ((96, 11, 1), (256, 5, 2), (384, 3, 1), (384, 3, 2), (256, 3, 2))


def tracker(b: "Builder", x: str) -> str:
    """A score for each place in input x, in which the input "template", smaller by 128, is
    searched.
    """
    size = b.shapes[x][1] - 128
    template = _trunk(b, "template", b.input("template", (3, size, size)))
    features = _trunk(b, "search", x)
    height, width = b.shapes[template][1:]
    found = b.shapes[features]
    return b.node(
        "Conv",
        [features, template],
        "score",
        (1, found[1] - height + 1, found[2] - width + 1),
        kernel_shape=(height, width),
    )


def _trunk(b: "Builder", side: str, x: str) -> str:
    for k, (channels, kernel, groups) in enumerate(CONVS, 1):
        x = b.conv(
            f"{side}.conv{k}",
            x,
            b.scaled(channels, 4),
            kernel,
            stride=2 if k == 1 else 1,
            groups=groups,
            weights=f"conv{k}",
        )
        if k < len(CONVS):
            x = b.relu(b.batch_norm(f"{side}.norm{k}", x, weights=f"norm{k}"))
        if k <= 2:
            x = b.max_pool(f"{side}.pool{k}", x, 3, 2)
    return x
