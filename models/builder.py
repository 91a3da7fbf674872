"""A small builder of float ONNX networks with seeded weights: the layers that have any."""

from typing import Any

import numpy as np

from .maps import Maps
from .shapes import pair, sides


class Builder(Maps):
    """Adds one ONNX node a call and returns the name of the tensor that it computes, which is the
    node's name.

    Parameters
    ----------
    name : of the network; with `seed` and a layer's name it determines the layer's weights.
    channels, size : of the input ``input`` [1, channels, height, width].
    width : multiplier of the channels of all layers but the classifier's (`scaled`).
    """

    def __init__(
        self,
        name: str,
        channels: int,
        size: int | tuple[int, int],
        width: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name, {"input": (channels, *pair(size))}, seed)
        self.width = width

    def scaled(self, channels: int, multiple: int = 1) -> int:
        """`channels` times the width, at least `multiple` and a multiple of it."""
        return multiple * max(1, round(channels * self.width / multiple))

    def conv(
        self,
        name: str,
        x: str,
        channels: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        pad: int | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        gain: float = 2.0,
        dilation: int = 1,
        weights: str | None = None,
    ) -> str:
        """Convolution to `channels`; kernel and stride are integers or (height, width), pad is on
        all four sides, (rows, columns), or (top, left, bottom, right).

        weights : name of the layer whose weights these are, where two share them.
        """
        c_in, height, width = self.shapes[x]
        (kh, kw), (sh, sw), (top, left, bottom, right) = pair(kernel), pair(stride), sides(pad)
        shape = (
            channels,
            (height + top + bottom - dilation * (kh - 1) - 1) // sh + 1,
            (width + left + right - dilation * (kw - 1) - 1) // sw + 1,
        )
        own = weights or name
        parameters = [self.weight(f"{own}.weight", (channels, c_in // groups, kh, kw), gain)]
        if bias:
            parameters.append(self.small(f"{own}.bias", channels))
        attributes: dict[str, Any] = {}
        if dilation > 1:
            attributes["dilations"] = dilation, dilation
        return self.node(
            "Conv",
            [x, *parameters],
            name,
            shape,
            kernel_shape=(kh, kw),
            strides=(sh, sw),
            group=groups,
            pads=(top, left, bottom, right),
            **attributes,
        )

    def conv_relu(
        self, name: str, x: str, channels: int, kernel: int | tuple[int, int], **options: Any
    ) -> str:
        return self.relu(self.conv(name, x, channels, kernel, **options))

    def conv_transpose(
        self,
        name: str,
        x: str,
        channels: int,
        kernel: int,
        stride: int,
        pad: int = 0,
        output_pad: int = 0,
        bias: bool = True,
        gain: float = 2.0,
    ) -> str:
        """Transposed convolution to `channels`; output_pad : rows and columns more at the end."""
        c_in, height, width = self.shapes[x]
        taps = (c_in, channels, kernel, kernel)
        parameters = [self.weight(f"{name}.weight", taps, gain * stride**2, outputs=1)]
        if bias:
            parameters.append(self.small(f"{name}.bias", channels))
        shape = [(n - 1) * stride - 2 * pad + kernel + output_pad for n in (height, width)]
        return self.node(
            "ConvTranspose",
            [x, *parameters],
            name,
            (channels, *shape),
            kernel_shape=(kernel, kernel),
            strides=(stride, stride),
            pads=(pad,) * 4,
            output_padding=(output_pad, output_pad),
        )

    def bilinear(self, name: str, x: str, factor: int) -> str:
        """Enlarged by a transposed convolution of 2 * factor - factor % 2 taps whose weights are
        those of bilinear interpolation, channel by channel, as FCN begins with (Long et al. 2014,
        section 3.3); (n - 1) * factor + taps pixels from n.
        """
        channels, height, width = self.shapes[x]
        taps = 2 * factor - factor % 2
        row = 1 - np.abs(np.arange(taps) - (taps - 1) / 2) / factor
        kernel = np.broadcast_to(row[:, None] * row, (channels, 1, taps, taps))
        weight = self.constant(f"{name}.bilinear", kernel.astype(np.float32))
        return self.node(
            "ConvTranspose",
            [x, weight],
            name,
            (channels, *((n - 1) * factor + taps for n in (height, width))),
            kernel_shape=(taps, taps),
            strides=(factor, factor),
            group=channels,
        )

    def batch_norm(self, name: str, x: str, gain: float = 1.0, weights: str | None = None) -> str:
        """Batch normalisation in evaluation mode, near the identity times `gain`. weights : as for
        `conv`.
        """
        channels, own = self.shapes[x][0], weights or name
        parameters = [
            self.small(f"{own}.weight", channels, gain, 0.1 * gain),
            self.small(f"{own}.bias", channels),
            self.small(f"{own}.mean", channels),
            self.constant(
                f"{own}.var",
                np.asarray(self.rng(f"{own}.var").uniform(0.8, 1.25, channels), np.float32),
            ),
        ]
        return self.node("BatchNormalization", [x, *parameters], name, self.shapes[x], epsilon=1e-5)

    def instance_norm(self, name: str, x: str, gain: float = 1.0) -> str:
        """Each channel with mean 0 and variance 1, times about `gain`."""
        channels = self.shapes[x][0]
        parameters = [
            self.small(f"{name}.weight", channels, gain, 0.1 * gain),
            self.small(f"{name}.bias", channels),
        ]
        return self.node(
            "InstanceNormalization", [x, *parameters], name, self.shapes[x], epsilon=1e-5
        )

    def prelu(self, name: str, x: str) -> str:
        """ReLU with a slope a channel, of about a quarter, for what is negative."""
        slopes = 0.25 + 0.05 * self.rng(name).standard_normal((self.shapes[x][0], 1, 1))
        slope = self.constant(f"{name}.slope", slopes.astype(np.float32))
        return self.node("PRelu", [x, slope], name, self.shapes[x])

    def fc(self, name: str, x: str, channels: int, gain: float = 2.0) -> str:
        """Fully connected layer (Gemm) on a flattened tensor."""
        weight = self.weight(f"{name}.weight", (channels, *self.shapes[x]), gain)
        return self.node(
            "Gemm", [x, weight, self.small(f"{name}.bias", channels)], name, (channels,), transB=1
        )

    def lstm(
        self,
        name: str,
        x: str,
        hidden: int,
        both: bool = False,
        weights: str | None = None,
        state: tuple[str, str] | None = None,
    ) -> tuple[str, str, str]:
        """LSTM over x (steps, values): all hidden values (steps, directions, hidden), the last ones
        and the last cells (directions, hidden). ONNX has the batch behind the steps.

        both : forwards and backwards, two directions. weights : as for `conv`. state : hidden
        values and cells before the first step; zeros if left out.
        """
        (steps, values), ways, own = self.shapes[x], 1 + both, weights or name
        parameters = [
            self.weight(f"{own}.{what}", (ways, 4 * hidden, size), 4 * hidden)
            for what, size in (("weight", values), ("recurrent", hidden))
        ]
        bias = self.constant(f"{own}.bias", np.zeros((ways, 8 * hidden), np.float32))
        last, cells = f"{name}.hidden", f"{name}.cells"
        self.node(
            "LSTM",
            [x, *parameters, bias, *(("", *state) if state else ())],
            name,
            (steps, ways, hidden),
            more={last: (ways, hidden), cells: (ways, hidden)},
            hidden_size=hidden,
            direction="bidirectional" if both else "forward",
        )
        return name, last, cells
