"""What the verbs give back. ``to_dict`` is the JSON object that the command line prints for
``--json``.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from .quality import Loss

#: Told in a few words what is being done.
Progress = Callable[[str], object]


def silent(text: str) -> None:
    """The `Progress` that shows nothing."""


def _shown(values: dict[str, Any], *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in left_out}


@dataclass(frozen=True)
class HostNode:
    """A node of the network that the host computes. op : its ONNX operator. reason : why."""

    name: str
    op: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class GenerateResult:
    """A generated folder.

    model : name of the network. pe : ROWSxCOLS. out : the folder. macs : true multiply-accumulates
    of a run. params : weights and biases. ops : layers after the compiler's rewrites. instructions,
    weight_bytes, program_bytes, dram_bytes : of all programs. host_nodes : what is left to the
    host; host_macs : its multiply-accumulates, which `macs` has not. loss : what quantising costs,
    None of a model that was quantised already (in the JSON object its members, `sqnr_db` and so
    on). seconds : that it took.
    """

    model: str
    pe: str
    out: str
    macs: int
    params: int
    ops: int
    instructions: int
    weight_bytes: int
    program_bytes: int
    dram_bytes: int
    host_nodes: list[HostNode]
    host_macs: int
    loss: Loss | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return _shown(asdict(self), "loss") | (
            asdict(self.loss) if self.loss else {"sqnr_db": None}
        )


@dataclass(frozen=True, kw_only=True)
class LayerResult:
    """One layer of a simulation. cycles : from the end of all layers before it to its own end.
    array_busy, stalls : cycles in which the array worked, or waited, by cause. What only the RTL
    knows is None for the other engines. mismatches : of all inputs.
    """

    name: str
    op: str
    macs: int
    mismatches: int
    cycles: int | None = None
    array_busy: int | None = None
    stalls: dict[str, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        values = _shown(asdict(self), "stalls", "array_busy")
        if self.stalls is not None:
            values["array_busy"] = self.array_busy
            values |= {f"stall_{cause}": cycles for cause, cycles in self.stalls.items()}
        return values


@dataclass(frozen=True)
class Element:
    """A value of an output. label : name of its class, or its index."""

    index: int
    label: str
    value: float


@dataclass(frozen=True)
class OutputResult:
    """An output of the network for one sample: its shape, and its largest values in order."""

    shape: list[int]
    top: list[Element]


@dataclass(frozen=True)
class SampleResult:
    """One sample of the inputs. input : its name. cycles : of its run, where the engine is the RTL.
    outputs : by name. answer : by the network's task: "task", "text" (in one line), "picture" (a
    file, or None), and "classes", "boxes", "masks", "points", "size" or "characters".
    """

    input: str
    cycles: int | None
    mismatches: int
    outputs: dict[str, OutputResult]
    answer: dict[str, Any] | None = None


@dataclass(frozen=True)
class Closeness:
    """How close an output is to the real network's. sqnr_db : signal to noise, None where it is
    exact. max_abs_error : the largest difference.
    """

    sqnr_db: float | None
    max_abs_error: float


@dataclass(frozen=True, kw_only=True)
class SimulateResult:
    """A simulation: cycles, traffic and stalls are those of the first run, comparisons of all.

    macs, conv_macs : true multiply-accumulates of the network, and without the fully connected
    layers at its end; cycles, conv_cycles and utilisations (macs a PE and cycle) likewise.
    multipliers : that compute convolutions, those of the depthwise unit included, and
    multiplier_utilisation : macs a multiplier and cycle.
    elements_compared, mismatches, max_abs_error : of all tensors, against the reference.
    stall_cycles : in which the array waited, by cause. seconds : of the engine. cycles_per_second :
    that were simulated. What only the RTL knows is None for the other engines.
    against_float : each output against the model that the folder was made from, by name.
    mismatch_lines : the first mismatching tensors, in words (not in the JSON object).
    """

    engine: str
    model: str
    pe: str
    cycles: int | None
    macs: int
    conv_macs: int
    conv_cycles: int | None
    mac_utilisation: float | None
    conv_mac_utilisation: float | None
    multipliers: int
    multiplier_utilisation: float | None
    elements_compared: int
    mismatches: int
    max_abs_error: int
    dram_read_bytes: int | None
    dram_write_bytes: int | None
    stall_cycles: dict[str, int]
    seconds: float
    build_seconds: float
    cycles_per_second: int | None
    layers: list[LayerResult]
    outputs: list[SampleResult]
    against_float: dict[str, Closeness] = field(default_factory=dict[str, Closeness])
    mismatch_lines: list[str]

    def to_dict(self) -> dict[str, Any]:
        layers = [layer.to_dict() for layer in self.layers]
        return _shown(asdict(self), "mismatch_lines") | {"layers": layers}


@dataclass(frozen=True, kw_only=True)
class ResourceEstimate:
    """What an accelerator takes of a device.

    luts, ffs, dsps, brams : in all; percent : of the device, by kind; components : a row of figures
    each, with its "name". in_luts : "multipliers" that are made of LUTs since the device has too
    few blocks, and the words of the deepest "rams" that are. fmax_mhz, critical_path : only after
    place and route. source : "model", "synth" or "pnr".
    """

    device: str
    pe: str
    luts: int
    ffs: int
    dsps: int
    brams: float
    fits: bool
    percent: dict[str, float]
    components: list[dict[str, Any]]
    in_luts: dict[str, int]
    lut_per_mac: float
    fmax_mhz: float | None
    critical_path: list[str] | None
    source: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class LayerEstimate:
    """One layer. cycles : from the end of all layers before it to its own end. bound_cycles : what
    it takes at least by itself, by its shape, the array and the data bus.
    """

    name: str
    op: str
    cycles: int
    bound_cycles: int
    macs: int


@dataclass(frozen=True, kw_only=True)
class PerformanceEstimate:
    """A run as the cycle model predicts it. bound_cycles : what the network takes at least on this
    array and data bus. fps_at_mhz : images a second, by the clock in MHz. host_nodes : that the
    host computes besides, which takes none of these cycles.
    """

    model: str
    pe: str
    batch: int
    host_nodes: int
    cycles: int
    bound_cycles: int
    macs: int
    mac_utilisation: float
    dram_read_bytes: int
    dram_write_bytes: int
    fps_at_mhz: dict[str, float]
    layers: list[LayerEstimate]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
