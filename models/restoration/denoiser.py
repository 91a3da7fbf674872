"""A denoiser of grey pictures, for normal noise of deviation 25 of 255: 8 convolutions at half the
resolution, trained by bench/trained/denoiser.py into denoiser.onnx.

As in DnCNN (Zhang et al., 2017) they estimate the noise, which is subtracted; as in FFDNet (Zhang
et al., 2018) they work on a quarter of the pixels.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..builder import Builder

#: The trained network, and the pictures beside it.
ONNX_FILE = Path(__file__).with_name("denoiser.onnx")
PICTURES = Path(__file__).with_name("denoiser")
#: Height and width of its input; deviation of the noise; convolutions and their channels.
SIZE, SIGMA, LAYERS, CHANNELS = 160, 25, 8, 32


def denoiser(b: "Builder", x: str) -> str:
    """The picture x without its noise."""
    _, height, width = b.shapes[x]
    y = b.conv_relu("conv1", x, CHANNELS, 4, stride=2, pad=1)
    for number in range(2, LAYERS):
        y = b.conv_relu(f"conv{number}", y, CHANNELS, 3, pad=1)
    y = b.conv(f"conv{LAYERS}", y, 4, 3, pad=1)
    noise = b.node("DepthToSpace", [y], "noise", (1, height, width), blocksize=2, mode="CRD")
    return b.node("Sub", [x, noise], "restored", (1, height, width))
