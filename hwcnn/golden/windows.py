"""Sliding windows over a padded map, shared by convolution and pooling."""

import numpy as np


def pad(x: np.ndarray, pads: tuple[int, int, int, int], value: int) -> np.ndarray:
    """x [N, C, H, W] with (top, left, bottom, right) rows and columns of `value` around it;
    negative pads crop.
    """
    height, width = x.shape[2:]
    x = x[
        :,
        :,
        max(0, -pads[0]) : height - max(0, -pads[2]),
        max(0, -pads[1]) : width - max(0, -pads[3]),
    ]
    top, left, bottom, right = (max(0, p) for p in pads)
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def windows(
    x: np.ndarray,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> np.ndarray:
    """The view [N, C, Ho, Wo, kh, kw] of all windows that lie inside x [N, C, H, W]."""
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, span, axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
