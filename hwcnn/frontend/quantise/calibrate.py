"""Ranges of all activations, measured with onnxruntime on sample inputs."""

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from hwcnn.errors import InputError
from hwcnn.frontend.model.onnx_index import OnnxIndex, shape_of
from hwcnn.frontend.model.session import session

from .clip_ranges import Histograms

#: Random samples that stand in for missing calibration data.
RANDOM_SAMPLES = 4
#: How ranges follow from what was measured.
METHODS = ("minmax", "percentile", "entropy", "mse")

#: Input name to float32 array.
Sample = Mapping[str, np.ndarray]


def random_samples(
    model: onnx.ModelProto, seed: int = 0, count: int = RANDOM_SAMPLES
) -> list[dict[str, np.ndarray]]:
    """`count` dicts of input name to arrays, the same for the same seed: standard normal float32,
    or any int8 or uint8.
    """
    rng = np.random.default_rng(seed)
    return [{i.name: _noise(rng, i) for i in model.graph.input} for _ in range(count)]


def _noise(rng: np.random.Generator, value: onnx.ValueInfoProto) -> np.ndarray:
    shape, dtype = shape_of(value), _dtype(value)
    if dtype == np.float32:
        return rng.standard_normal(shape, np.float32)
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def _dtype(value: onnx.ValueInfoProto) -> np.dtype:
    return helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)


def activations(model: onnx.ModelProto) -> list[str]:
    """Names of all float tensors of the graph that are not constants: inputs and node outputs."""
    graph, types = model.graph, OnnxIndex(model.graph).types
    names = [i.name for i in graph.input] + [o for n in graph.node for o in n.output if o]
    constants = {o for n in graph.node if n.op_type == "Constant" for o in n.output}
    return [n for n in names if types.get(n) == TensorProto.FLOAT and n not in constants]


def ranges(
    model: onnx.ModelProto,
    samples: Iterable[Sample],
    method: str = "minmax",
    names: list[str] | None = None,
) -> dict[str, tuple[float, float]]:
    """``{tensor name: (lowest, highest)}`` of the named activations (None: of all), as floats.

    samples : each of every input, with or without a first dimension of 1. method : of `METHODS`;
    all but "minmax" run the samples twice. Raises InputError where there are no samples, or one
    does not fit or is not finite.
    """
    names = activations(model) if names is None else names
    samples = samples if method == "minmax" else list(samples)
    extremes: dict[str, tuple[float, float]] = {}
    run = Run(model, names)
    for values in map(run.values, samples):
        for name, value in values.items():
            low, high = extremes.get(name, (np.inf, -np.inf))
            found = (value.min(), value.max()) if value.size else (0.0, 0.0)
            if not np.isfinite(found).all():
                raise InputError(
                    f"calibration: {name!r} is not finite on a sample: are its weights and the "
                    "samples sane?"
                )
            extremes[name] = min(low, float(found[0])), max(high, float(found[1]))
    if not extremes:
        raise InputError("calibration: no samples were given")
    if method == "minmax":
        return extremes
    histograms = Histograms(extremes, method)
    for values in map(run.values, samples):
        for name, value in values.items():
            histograms.add(name, value)
    return histograms.ranges()


class Run:
    """The model in onnxruntime, which gives the named values of a sample."""

    def __init__(self, model: onnx.ModelProto, names: list[str]):
        self.names, self.inputs = names, {i.name: i for i in model.graph.input}
        self.outputs = [n for n in names if n not in self.inputs]
        self.session = session(model, outputs=self.outputs)

    def values(self, sample: Sample) -> dict[str, np.ndarray]:
        """By name. Raises InputError for a sample that does not fit."""
        given = _feed(sample, self.inputs)
        try:
            found = self.session.run(self.outputs, given) if self.outputs else []
        except Exception as e:  # onnxruntime's exceptions share no public base class
            raise InputError(
                f"onnxruntime cannot run the model: {' '.join(str(e).split())[:300]}"
            ) from e
        values = dict(zip(self.outputs, found, strict=True)) | given
        return {name: np.asarray(values[name]) for name in self.names}


def feed(sample: Sample, model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The sample as onnxruntime takes it. Raises InputError for one that does not fit."""
    return _feed(sample, {i.name: i for i in model.graph.input})


def _feed(sample: Sample, inputs: Mapping[str, onnx.ValueInfoProto]) -> dict[str, np.ndarray]:
    """The sample as onnxruntime takes it: in the inputs' shapes and types."""
    if missing := sorted(set(inputs) - set(sample)):
        raise InputError(f"calibration: a sample lacks the input {missing[0]!r}")
    found = {}
    for name, value in inputs.items():
        shape = list(shape_of(value))
        array = np.asarray(sample[name], np.float32)
        if list(array.shape) == shape[1:]:
            array = array[None]
        if list(array.shape) != shape:
            raise InputError(
                f"calibration: a sample of {name!r} has shape {list(array.shape)}, expected {shape}"
            )
        if not np.isfinite(array).all():
            raise InputError(f"calibration: a sample of {name!r} holds values that are not finite")
        if (kind := _dtype(value)) != np.float32:
            array = np.clip(np.rint(array), np.iinfo(kind).min, np.iinfo(kind).max)
        found[name] = array.astype(kind, copy=False)
    return found
