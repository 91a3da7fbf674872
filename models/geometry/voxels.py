"""Perspective transformer nets (Yan et al. 2016, arXiv:1612.00814): the shape of an object,
32x32x32 voxels, from one picture.

The decoder's transposed convolutions in three dimensions are two-dimensional ones here, with a
channel for each channel and depth; weights between depths that no tap joins are zero.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..builder import Builder

#: Channels, kernel and stride of the decoder's layers.
DECODER = ((256, 4, 1), (96, 5, 2), (1, 4, 2))


def voxels(b: "Builder", x: str) -> str:
    """The probability of each voxel (depth, row, column) for input x, 64x64."""
    for k, channels in enumerate((64, 128, 256), 1):
        x = b.conv_relu(f"encode{k}", x, b.scaled(channels), 5, stride=2, pad=2)
    x = b.flatten(x)
    for k in (1, 2, 3):
        x = b.relu(b.fc(f"fc{k}", x, b.scaled(512)))
    wide = b.scaled(512)
    x = b.reshape("cube", b.relu(b.fc("fc4", x, 27 * wide)), (3 * wide, 3, 3))
    depth = 3
    for k, (channels, kernel, stride) in enumerate(DECODER, 1):
        channels = b.scaled(channels) if channels > 1 else 1
        x, depth = deconvolution(b, f"decode{k}", x, depth, channels, kernel, stride)
        x = b.relu(x) if channels > 1 else b.sigmoid(x)
    return x


def deconvolution(
    b: "Builder", name: str, x: str, depth: int, channels: int, kernel: int, stride: int
) -> tuple[str, int]:
    """A transposed convolution in three dimensions of x, [depth * C, H, W] with the depths outside,
    and the new depth.
    """
    inputs, result = b.shapes[x][0] // depth, (depth - 1) * stride + kernel
    gain = 2.0 * stride**3 if channels > 1 else 30.0
    taps = b.seeded(f"{name}.weight", (inputs, channels, kernel, kernel, kernel), gain, outputs=1)
    weight = np.zeros((depth, inputs, result, channels, kernel, kernel), np.float32)
    for d in range(depth):
        weight[d, :, d * stride : d * stride + kernel] = taps.transpose(0, 2, 1, 3, 4)
    weight = weight.reshape(depth * inputs, result * channels, kernel, kernel)
    size = (b.shapes[x][1] - 1) * stride + kernel
    x = b.node(
        "ConvTranspose",
        [x, b.constant(f"{name}.weight", weight)],
        name,
        (result * channels, size, size),
        kernel_shape=(kernel, kernel),
        strides=(stride, stride),
    )
    return x, result
