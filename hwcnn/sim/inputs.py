"""Inputs of a simulation or a calibration: pictures, NumPy files, or seeded noise; as float arrays of the network's input."""

from pathlib import Path

import numpy as np

from ..errors import InputError

_ARRAYS = {".npy", ".npz"}
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp", ".gif", ".tif", ".tiff"}


def expand(paths):
    """The files that are meant: a folder stands for its pictures in order of their names. InputError for what does not exist."""
    files = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in _PICTURES)
            if not inside:
                raise InputError(f"{path}: a folder without pictures")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(f"{path}: no such file")
    return files


def samples(path, graph_inputs, preprocess):
    """The samples of one file: dicts of input name to array [n, C, H, W] (n = 1 for a picture).

    graph_inputs : input name to its shape (C, H, W). preprocess : frontend.pictures.Preprocess. A .npy holds one sample, or several along its first axis; a .npz holds
    an array an input, by name. int8 arrays are quantised values, all others real ones (already preprocessed).
    """
    if path.suffix.lower() not in _ARRAYS:
        name, shape = _single(path, graph_inputs)
        return [{name: preprocess.load(path, shape)[None]}]
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else {_single(path, graph_inputs)[0]: loaded}
    except (OSError, ValueError, EOFError) as e:
        raise InputError(f"{path}: cannot read it as a NumPy file: {e}") from e
    if len(arrays) == 1 and len(graph_inputs) == 1:
        arrays = dict(zip(graph_inputs, arrays.values()))
    if set(arrays) != set(graph_inputs):
        raise InputError(f"{path}: holds {', '.join(arrays) or 'nothing'}, expected an array each for {', '.join(graph_inputs)}")
    arrays = {name: _batched(path, name, arrays[name], shape) for name, shape in graph_inputs.items()}
    count = {len(a) for a in arrays.values()}
    if len(count) != 1:
        raise InputError(f"{path}: its arrays hold different numbers of samples")
    return [{name: a[i:i + 1] for name, a in arrays.items()} for i in range(count.pop())]


def _single(path, graph_inputs):
    if len(graph_inputs) != 1:
        raise InputError(f"{path}: the network has {len(graph_inputs)} inputs ({', '.join(graph_inputs)}): give a .npz file")
    return next(iter(graph_inputs.items()))


def _batched(path, name, array, shape):
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise InputError(f"{path}: {name!r} has type {array.dtype}: expected real numbers")
    if array.shape == shape:
        array = array[None]
    elif array.ndim != len(shape) + 1 or array.shape[1:] != shape:
        raise InputError(f"{path}: {name!r} has shape {list(array.shape)}: expected {list(shape)}, or several of these")
    if array.dtype == np.int8:
        return array
    if not np.isfinite(array).all():
        raise InputError(f"{path}: {name!r} holds values that are not finite")
    return array.astype(np.float32)


def noise(graph_inputs, seed):
    """One sample of seeded standard normal values."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((1, *shape), np.float32) for name, shape in graph_inputs.items()}
