"""Channels of one size before a normalisation that divides by it anyway.

Of int8 with one scale for all channels, a channel of a tenth of the size has a tenth of the steps,
and its variance a hundredth. InstanceNormalization gives the same whatever its channels were
multiplied by or whatever was added to them, so each is brought to mean 0 and variance 1 on the
calibration samples, at no cost where a convolution computes it. The idea is that of cross-layer
equalisation (Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction,
2019).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from hwcnn.frontend.model.edit import add_constant, infer_shapes
from hwcnn.frontend.model.onnx_index import OnnxIndex
from hwcnn.frontend.model.written_norms import EQUALISER, SPLIT

from . import calibrate

FloatArray = npt.NDArray[np.float64]

#: Share of the variance up to which one epsilon does for all channels.
_SMALL = 1e-3
#: Least and widest ranges of values, by what they are: in units of a channel's size on the samples,
#: its square, and its inverse. Beyond the widest, all others would be too coarse.
_ROOM = {
    "mean": ((-1.0, 1.0), (-np.inf, np.inf)),
    "low": ((0.0, SPLIT), (0.0, SPLIT)),
    **dict.fromkeys(("high", "variance", "biased"), ((0.0, 4.0), (0.0, 16.0))),
    "factor": ((0.0, 8.0), (0.0, 8.0)),
}
#: How much wider the ranges of channels' means are than those of groups: of one scale, the average
#: of two would lie halfway between two steps every other time.
_WIDER = 1.03


@dataclass
class _Statistics:
    """Means over all samples of what a map's groups of channels have; a float64 [C] each, equal
    within a group.
    """

    mean: FloatArray
    variance: FloatArray


def normalisations(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The neutral batch norms of all that `written_norms` wrote."""
    return [n for n in model.graph.node if n.name.endswith(EQUALISER)]


def equalise(model: onnx.ModelProto, samples: Iterable[calibrate.Sample]) -> None:
    """Equalise the channels before all `normalisations`, in place.

    model : float, with all shapes inferred. Raises InputError as `calibrate.ranges` does.
    """
    index, norms = OnnxIndex(model.graph), normalisations(model)
    kinds = {n.name: _kind(index, n) for n in norms}
    statistics = _measure(model, samples, norms, kinds)
    for norm in norms:
        _equalise(model, OnnxIndex(model.graph), norm, statistics[norm.name])
    infer_shapes(model)


def widened(
    norms: Iterable[onnx.NodeProto], measured: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """The ranges with room, in the means and variances of equalised channels, for pictures whose
    channels are larger or smaller than those of the samples: these values have bits to spare.
    """
    result = dict(measured)
    for norm in norms:
        for what, bounds in _ROOM.items():
            for part, factor in (("", 1.0), ("/channels", _WIDER)):
                if (name := _named(norm, what + part)) in result:
                    (low, high), (least, widest) = result[name], factor * np.array(bounds)
                    result[name] = (
                        float(np.clip(2 * low, widest[0], least[0])),
                        float(np.clip(2 * high, least[1], widest[1])),
                    )
    return result


@dataclass(frozen=True)
class _Kind:
    """What a normalisation does. groups : of channels, 0 where it is one of the channels of each
    pixel; centred : it takes the mean off.
    """

    groups: int
    centred: bool


def _kind(index: OnnxIndex, norm: onnx.NodeProto) -> _Kind:
    nodes = {n.name: n for n in index.graph.node}
    mean, centred = nodes[_named(norm, "low")], _named(norm, "difference") in nodes
    if mean.op_type == "GlobalAveragePool":
        return _Kind(index.shapes[norm.input[0]][1], centred)
    grouped = _named(norm, "low/channels") in nodes
    return _Kind(mean.attribute[0].i if grouped else 0, centred)


def _named(norm: onnx.NodeProto, what: str) -> str:
    """Name of another node, and of its result, that `written_norms` wrote."""
    return f"{norm.name.removesuffix(EQUALISER)}/{what}"


def _measure(
    model: onnx.ModelProto,
    samples: Iterable[calibrate.Sample],
    norms: list[onnx.NodeProto],
    kinds: dict[str, _Kind],
) -> dict[str, _Statistics]:
    """By the norms' names."""
    found: dict[str, list[FloatArray]] = {n.name: [] for n in norms}
    names = {n.name: n.input[0] for n in norms}
    run = calibrate.Run(model, list(names.values()))
    for values in map(run.values, samples):
        for name, value in names.items():
            found[name].append(_moments(values[value].astype(np.float64), kinds[name]))
    statistics: dict[str, _Statistics] = {}
    for name, parts in found.items():
        statistics[name] = _Statistics(*np.concatenate(parts, 1).mean(1))
    return statistics


def _moments(x: FloatArray, kind: _Kind) -> FloatArray:
    """(mean, variance) of a map [N, C, ...], [2, N, C]. Channels of each pixel keep their means:
    what is added to them would have to be the same for all.
    """
    n, c = x.shape[:2]
    if not kind.groups:
        x = x.reshape(n, c, -1)
        variance = (x.var(1) if kind.centred else (x**2).mean(1)).mean(1)
        return np.stack([np.zeros((n, c)), np.repeat(variance[:, None], c, 1)])
    x = x.reshape(n, kind.groups, -1)
    return np.repeat(np.stack([x.mean(2), x.var(2)]), c // kind.groups, 2)


def _equalise(
    model: onnx.ModelProto, index: OnnxIndex, norm: onnx.NodeProto, s: _Statistics
) -> None:
    epsilon = float(index.array(_named(norm, "epsilon/constant")).item())
    total = s.variance + epsilon
    gain = np.where(total > 0, 1 / np.sqrt(np.where(total > 0, total, 1)), 1.0)
    conv = _convolution(index, norm)
    if conv is None:
        _set(index, norm.input[1], gain)
        _set(index, norm.input[3], s.mean)
    else:
        _into_weights(model, index, conv, gain, s.mean)
        conv.output[0] = norm.output[0]
        model.graph.node.remove(norm)
    _set_epsilon(model, index, norm, epsilon * gain**2)


def _convolution(index: OnnxIndex, norm: onnx.NodeProto) -> onnx.NodeProto | None:
    """The convolution that only gives the map which is normalised, and whose constants only it
    reads; else None.
    """
    name = norm.input[0]
    conv = index.producers.get(name)
    if conv is None or len(index.readers[name]) > 1 or name in index.outputs:
        return None
    grouped = any(a.name == "group" and a.i > 1 for a in conv.attribute)
    if conv.op_type != "Conv" and (conv.op_type != "ConvTranspose" or grouped):
        return None
    constants = [i for i in conv.input[1:] if i]
    alone = all(i in index.constants and len(index.readers[i]) == 1 for i in constants)
    return conv if alone else None


def _into_weights(
    model: onnx.ModelProto,
    index: OnnxIndex,
    conv: onnx.NodeProto,
    gain: FloatArray,
    mean: FloatArray,
) -> None:
    """Let the convolution give ``(x - mean) * gain``."""
    weight = index.array(conv.input[1])
    axis = 0 if conv.op_type == "Conv" else 1
    shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
    bias = index.array(conv.input[2]) if len(conv.input) > 2 and conv.input[2] else 0.0
    _set(index, conv.input[1], weight * gain.reshape(shape))
    del conv.input[2:]
    conv.input.append(add_constant(model, f"{conv.name}/equalised", (bias - mean) * gain))


def _set(index: OnnxIndex, name: str, values: npt.NDArray[np.floating]) -> None:
    """Let the constant of that name hold `values`."""
    tensor = numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name)
    index.constants[name].CopyFrom(tensor)


def _set_epsilon(
    model: onnx.ModelProto, index: OnnxIndex, norm: onnx.NodeProto, epsilon: FloatArray
) -> None:
    """epsilon : [C], of variances near 1."""
    name = _named(norm, "epsilon/constant")
    if epsilon.max() <= _SMALL:
        _set(index, name, epsilon.max())
    else:
        rank = len(index.shapes[norm.input[0]])
        _set(index, name, epsilon.reshape(1, -1, *(1,) * (rank - 2)))
