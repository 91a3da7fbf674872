"""The end results of a simulation against those of the model that the folder was made from, in
onnxruntime: what quantising costs, on these inputs.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from hwcnn.errors import InputError, Note
from hwcnn.frontend.model.load import load
from hwcnn.frontend.model.onnx_index import shape_of
from hwcnn.frontend.model.session import session
from hwcnn.manifest import Manifest
from hwcnn.quality import decibels
from hwcnn.results import Closeness

from .network import Values, fed


def against_model(manifest: Manifest, values: Sequence[Values]) -> dict[str, Closeness]:
    """How close each output is to the model's, over all inputs.

    values : of each batch, the network's inputs among them. Left out are outputs of integers, and
    those of which there are as many as are found; nothing is compared where an input was given in
    quantised values, and, with a `Note`, where the model is no longer there as it was.
    """
    origin = manifest.origin
    if origin is None:
        return {}
    try:
        if not origin.unchanged:
            raise InputError("it is gone, or was changed")
        model = load(origin.model, shapes=origin.shapes)
    except InputError as e:
        note = f"the results are not compared with those of {origin.model}: {e}"
        warnings.warn(Note(note), stacklevel=2)
        return {}
    run = session(model)
    names = [o.name for o in model.graph.output if o.name in manifest.outputs]
    totals = dict.fromkeys(names, (0.0, 0.0, 0.0))
    for known in values:
        given = {i.name: known[i.name] for i in model.graph.input}
        for number in range(len(next(iter(given.values())))):
            feed = {i.name: fed(given[i.name][number], i) for i in model.graph.input}
            if any(_quantised(feed[i.name], shape_of(i)) for i in model.graph.input):
                return {}
            for name, real in zip(names, run.run(names, feed), strict=True):
                _add(totals, name, np.asarray(real), known[name][number])
    return {name: Closeness(decibels(s, n), most) for name, (s, n, most) in totals.items()}


def _quantised(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    """int8 in the place of real numbers, or another shape than the model's."""
    return array.dtype != np.float32 or array.shape != shape


def _add(
    totals: dict[str, tuple[float, float, float]], name: str, real: np.ndarray, found: np.ndarray
) -> None:
    """Add the squares of a result and of its error, and take in the largest error."""
    if name not in totals:
        return
    if real.dtype.kind != "f" or real.shape != found.shape or not np.isfinite(real).all():
        del totals[name]
        return
    signal, noise, most = totals[name]
    error = np.abs(real.astype(np.float64) - found)
    totals[name] = (
        signal + float(np.square(real, dtype=np.float64).sum()),
        noise + float(np.square(error).sum()),
        max(most, float(error.max(initial=0.0))),
    )
