"""Inputs of a simulation or a calibration: pictures, NumPy files, or what stands in for them; as
float arrays of the network's input.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from hwcnn import pictures, synthetic
from hwcnn.errors import InputError
from hwcnn.preprocess import Preprocess

_ARRAYS = {".npy", ".npz"}
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp", ".gif", ".tif", ".tiff"}
#: Rows and columns of the smallest input that is taken for a picture.
_LEAST_SIDE = 8

#: (C, H, W) of each input, by name.
Shapes = Mapping[str, tuple[int, ...]]
#: Files or folders of samples: one, or several.
Paths = str | Path | Iterable[str | Path]


def expand(paths: Paths) -> list[Path]:
    """The files that are meant: a folder stands for its pictures in order of their names.
    InputError for what does not exist.
    """
    files = []
    for path in map(Path, (paths,) if isinstance(paths, str | Path) else paths):
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


def samples(
    path: Path,
    graph_inputs: Shapes,
    preprocess: Preprocess,
    quantised: bool = True,
    unsigned: Collection[str] = (),
) -> list[dict[str, np.ndarray]]:
    """The samples of one file: dicts of input name to array [1, C, H, W], float32 or (of quantised
    values) int8.

    graph_inputs : input name to its shape (C, H, W). preprocess : of pictures.

    A .npy holds one sample, or several along its first axis; a .npz holds an array an input, by
    name. Maps may have their channels last, which their shape tells. Arrays of uint8 are pictures,
    prepared as files of pictures are, but for the inputs named in `unsigned`, which take quantised
    values of uint8. Arrays of int8 are quantised values too, refused unless `quantised`. All others
    are real ones, prepared already. Raises InputError.
    """
    if is_picture(path):
        name, shape = _single(path, graph_inputs)
        return [{name: pictures.load(path, shape, preprocess)[None]}]
    arrays = _read(path, graph_inputs)
    if len(arrays) == 1 and len(graph_inputs) == 1:
        arrays = dict(zip(graph_inputs, arrays.values(), strict=True))
    if set(arrays) != set(graph_inputs):
        raise InputError(
            f"{path}: holds {', '.join(arrays) or 'nothing'}, expected an array each for "
            f"{', '.join(graph_inputs)}"
        )
    values = {}
    for name, shape in graph_inputs.items():
        array, where = arrays[name], f"{path}: {name!r}"
        if array.dtype == np.uint8 and name not in unsigned:
            several = pictures.split(array, shape, preprocess, where)
            values[name] = np.stack(
                [pictures.prepare(pixels, shape, preprocess, where) for pixels in several]
            )
        else:
            values[name] = _values(where, array, shape, quantised)
    count = {len(a) for a in values.values()}
    if len(count) != 1:
        raise InputError(f"{path}: its arrays hold different numbers of samples")
    return [{name: a[i : i + 1] for name, a in values.items()} for i in range(count.pop())]


def _read(path: Path, graph_inputs: Shapes) -> dict[str, np.ndarray]:
    """The arrays of a .npy or .npz file by name; that of a .npy has the name of the only input."""
    try:
        with open(path, "rb") as file:  # which NumPy leaves open where it is damaged
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                return {_single(path, graph_inputs)[0]: loaded}
            arrays = dict(loaded)
        if odd := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
            raise InputError(f"{path}: its member {odd[0]!r} is no NumPy array")
        return arrays
    except InputError:
        raise
    except Exception as e:  # a damaged file makes NumPy, zipfile and zlib raise anything
        why = " ".join(str(e).split())[:200] or type(e).__name__
        raise InputError(f"{path}: cannot read it as a NumPy file: {why}") from e


def _single(path: Path, graph_inputs: Shapes) -> tuple[str, tuple[int, ...]]:
    if len(graph_inputs) != 1:
        raise InputError(
            f"{path}: the network has {len(graph_inputs)} inputs ({', '.join(graph_inputs)}): give "
            "a .npz file"
        )
    return next(iter(graph_inputs.items()))


def _values(where: str, array: np.ndarray, shape: tuple[int, ...], quantised: bool) -> np.ndarray:
    """[n, C, H, W]: int8 of quantised values, float32 of real ones."""
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise InputError(f"{where} has type {array.dtype}: expected real numbers")
    if len(shape) == 3 and array.shape[-3:] == (*shape[1:], shape[0]) != shape:
        array = np.moveaxis(array, -1, -3)
    if array.shape == shape:
        array = array[None]
    elif array.ndim != len(shape) + 1 or array.shape[1:] != shape:
        raise InputError(
            f"{where} has shape {list(array.shape)}: expected {list(shape)}, or several of these"
        )
    if not len(array):
        raise InputError(f"{where} has shape {list(array.shape)}: it holds no sample")
    if array.dtype in (np.int8, np.uint8):
        if not quantised:
            raise InputError(
                f"{where} has type {array.dtype}, which means quantised values: to calibrate, give "
                "real ones (float32)"
            )
        return array if array.dtype == np.int8 else (array ^ 0x80).view(np.int8)
    with np.errstate(over="ignore"):
        real = array.astype(np.float32)
    if not np.isfinite(real).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(real))[0])
        raise InputError(
            f"{where} holds {array[at]!s} at {list(at)}, which is not finite as float32"
        )
    return real


def is_picture(path: Path) -> bool:
    """False of NumPy's files."""
    return path.suffix.lower() not in _ARRAYS


def takes_pictures(graph_inputs: Shapes, preprocess: Preprocess) -> bool:
    """True where the only input has the channels, rows and columns of a picture."""
    (shape, *more) = graph_inputs.values()
    return (
        not more
        and len(shape) == 3
        and shape[0] == preprocess.channels
        and min(shape[1:]) >= _LEAST_SIDE
    )


def stand_in(graph_inputs: Shapes, preprocess: Preprocess, seed: int) -> dict[str, np.ndarray]:
    """One sample where none is given, float32 by the input's name: a synthetic picture, prepared,
    for a network that takes one; seeded standard normal values for any other.
    """
    if takes_pictures(graph_inputs, preprocess):
        ((name, shape),) = graph_inputs.items()
        pixels = synthetic.picture(shape[1], shape[2], shape[0], seed)
        return {name: pictures.prepare(pixels, shape, preprocess)[None]}
    rng = np.random.default_rng(seed)
    return {
        name: rng.standard_normal((1, *shape), np.float32) for name, shape in graph_inputs.items()
    }
