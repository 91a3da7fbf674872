"""The manifest, manifest.json in a generated folder: programs with their weights and tensors in
DRAM, and what the host does between them.

The dataclasses here are the format, and `Manifest.to_json` and `Manifest.from_json` are the only
code that writes or reads it. A key of the file is the field of the same name.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import Any, cast

from .config import AccelConfig
from .errors import InputError, RunError
from .layout import Placement
from .origin import Origin
from .preprocess import Preprocess
from .typed_values import typed

#: Number of the format. It rises with any change of the dataclasses here or of the files that a
#: generated folder holds; folders of another number are refused.
FORMAT = 5

Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class Region:
    """Bytes of DRAM. addr : offset from the base. size : bytes."""

    addr: int
    size: int


@dataclass(frozen=True)
class Memory:
    """The regions of DRAM, from address 0 upwards."""

    tensors: Region
    weights: Region
    program: Region


@dataclass(frozen=True)
class Tensor:
    """An int8 tensor in DRAM: real = scale * (value - zero)."""

    placement: Placement
    scale: float
    zero: int

    @property
    def shape(self) -> Shape:
        """(N, C, H, W)"""
        return self.placement.shape


@dataclass(frozen=True)
class Im2col:
    """How the host packs an input: the taps of the first convolution's kernel become channels.

    source, source_shape : the network's own input. shape : of the packed tensor. fold_rows : the
    taps of both kernel axes become channels, else only those of a kernel row. kernel, stride,
    dilation : of the convolution (rows, columns). pads : (top, left, bottom, right), of pad_value.
    """

    source: str
    source_shape: Shape
    shape: Shape
    fold_rows: bool
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pads: tuple[int, int, int, int]
    pad_value: int


@dataclass(frozen=True)
class Input:
    """An input of the program. tensor : its name. pack : how the host makes it, None: as it is.
    normalise : (gain, offset) of each channel, or one for all: the host makes ``x * gain + offset``
    of the network's own input before it quantises that; none: as it is.
    """

    tensor: str
    pack: Im2col | None
    normalise: tuple[tuple[float, float], ...] = ()

    @property
    def source(self) -> str:
        """The name of the network's own input."""
        return self.pack.source if self.pack else self.tensor


@dataclass(frozen=True)
class Bound:
    """Cycles that a layer takes at least: of the array, of the vector engine, and of the data bus
    to read and to write.
    """

    array: int = 0
    vector: int = 0
    read: int = 0
    write: int = 0

    @property
    def cycles(self) -> int:
        """Whatever takes longest, the others beside it."""
        return max(self.array, self.vector, self.read, self.write)

    def __add__(self, other: "Bound") -> "Bound":
        return Bound(
            self.array + other.array,
            self.vector + other.vector,
            self.read + other.read,
            self.write + other.write,
        )


@dataclass(frozen=True)
class Layer:
    """An operation of the compiled graph, in order. op : its class in ir.py. macs : true
    multiply-accumulates. tensor : its result. bound : what it takes at least.
    """

    name: str
    op: str
    macs: int
    tensor: str
    fully_connected: bool
    bound: Bound = Bound()


@dataclass(frozen=True)
class HostOp:
    """A float operation that the host computes after the run. op : ONNX operator. x, y : names of
    its operand and its result.
    """

    name: str
    op: str
    x: str
    y: str
    attributes: dict[str, int]


@dataclass(frozen=True)
class File:
    """A file of the folder. size : bytes. sha256 : in hexadecimal digits."""

    size: int
    sha256: str


@dataclass(frozen=True)
class ProgramManifest:
    """A compiled program: one run of the accelerator.

    model : name of what was compiled. batch : images in a run.
    memory, dram_bytes : regions of DRAM, and bytes in all. cycle_budget : see
    `scheduler.compile`; 0: none.
    inputs, outputs : of the program. tensors : every tensor in DRAM, by name.
    layers : operations of the graph. queues : for each queue the (layer, count) of its
    instructions, run-length in order. counts : final values of the completion counters.
    instructions : number by kind, "total", and "words" of 16 bytes.
    host : what the host computes after the run.
    """

    model: str
    batch: int
    config: AccelConfig
    memory: Memory
    dram_bytes: int
    cycle_budget: int
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    tensors: dict[str, Tensor]
    layers: tuple[Layer, ...]
    queues: dict[str, tuple[tuple[int, int], ...]]
    counts: dict[str, int]
    instructions: dict[str, int]
    host: tuple[HostOp, ...]

    @property
    def macs(self) -> int:
        """True multiply-accumulates of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def bound_cycles(self) -> int:
        """Cycles of a run at least, were all layers side by side."""
        return sum((layer.bound for layer in self.layers), Bound()).cycles


@dataclass(frozen=True)
class Step:
    """A step of a network. on_host : it is an ONNX model that the host runs, in `file`; else a
    program in that file. inputs : of either, each with the value that it takes: an input of the
    network, or an output of an earlier step. outputs : its values. nodes : names of the host's.
    """

    on_host: bool
    file: str
    inputs: dict[str, str]
    outputs: tuple[str, ...]
    nodes: tuple[str, ...] = ()


def program_files(number: int) -> tuple[str, str]:
    """Names of the files of a program and its weights; number : of the program, from 0."""
    suffix = f"_{number}" if number else ""
    return f"program{suffix}.bin", f"weights{suffix}.bin"


@dataclass(frozen=True)
class Manifest:
    """A generated folder.

    model : name of the network. batch : images in a run. config : of the accelerator.
    programs : that it runs, in order; each has a region of DRAM of its own, and addresses in its
    manifest begin there. steps : host and accelerator in turn; the n-th that is not the host's is
    the n-th program. outputs : of the network.
    built_in : a network of hwcnn. labels : names of the classes. unsigned_inputs : the network's
    own inputs that are quantised values of uint8, 128 above those of the program. seed : of
    calibration data.
    hwcnn : version that wrote the folder. preprocess : of pictures. origin : of the model. files :
    all that it wrote but the manifest.
    """

    model: str
    batch: int
    config: AccelConfig
    programs: tuple[ProgramManifest, ...]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    built_in: bool = False
    labels: tuple[str, ...] = ()
    unsigned_inputs: tuple[str, ...] = ()
    seed: int = 0
    hwcnn: str = ""
    preprocess: Preprocess = field(default_factory=Preprocess)
    origin: Origin | None = None
    files: dict[str, File] = field(default_factory=dict[str, File])

    @property
    def macs(self) -> int:
        """True multiply-accumulates of the accelerator."""
        return sum(program.macs for program in self.programs)

    @property
    def bases(self) -> list[int]:
        """Where each program's region of DRAM begins."""
        return [0, *accumulate(program.dram_bytes for program in self.programs)][:-1]

    @property
    def dram_bytes(self) -> int:
        """Bytes of DRAM of all programs."""
        return sum(program.dram_bytes for program in self.programs)

    def to_json(self) -> str:
        """The text of the file, with the format's number and a SHA-256 of all else."""
        values = json.loads(json.dumps({"format": FORMAT, **asdict(self)}))
        return json.dumps(values | {"sha256": _digest(values)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, where: object) -> "Manifest":
        """Read a file's text. where : its name in messages.

        Raises RunError where it is damaged, changed or of another format.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise _damaged(where, f"damaged, it cannot be read ({e})") from e
        found: object = "unknown"
        if isinstance(values, dict):
            values = cast(dict[str, Any], values)
            found = values.pop("format", "older, without a number")
        if found != FORMAT:
            raise _damaged(where, f"its format is {found!s:.40}, this hwcnn reads {FORMAT}")
        if values.pop("sha256", None) != _digest({"format": FORMAT, **values}):
            raise _damaged(where, "changed since it was written, its own SHA-256 is another")
        try:
            return typed(cls, values, "manifest")
        except (ValueError, InputError) as e:
            raise _damaged(where, str(e)) from e


def _damaged(where: object, why: str) -> RunError:
    return RunError(f"{where}: {why}: generate the folder anew")


def _digest(values: Mapping[str, object]) -> str:
    """SHA-256 of JSON values, whatever their layout in the file."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
