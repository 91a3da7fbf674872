"""The figures of a simulation, under the keys of ``hwcnn simulate --json``, and its mismatches in
words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.manifest import ProgramManifest
from hwcnn.results import LayerResult, SampleResult, SimulateResult

from .compare import Difference, writing_instruction
from .design import Design
from .engines.rtl_engine import RtlRun
from .layer_cycles import STALLS, convolutional_layers, finishes, layer_cycles
from .session import Options, Result

#: Mismatching tensors that are reported in full.
REPORTED = 5


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """Of one run in RTL; what only the RTL knows is None for the other engines.

    macs, conv_macs : of the network, and without the fully connected layers at its end. cycles,
    conv_cycles : likewise. mac_utilisation, conv_mac_utilisation : macs a PE and cycle.
    multipliers : of the array and the depthwise unit; multiplier_utilisation : macs a multiplier
    and cycle. stall_cycles : in which the array waited, by cause.
    """

    cycles: int | None = None
    macs: int
    conv_macs: int
    conv_cycles: int | None = None
    mac_utilisation: float | None = None
    conv_mac_utilisation: float | None = None
    multipliers: int
    multiplier_utilisation: float | None = None
    dram_read_bytes: int | None = None
    dram_write_bytes: int | None = None
    stall_cycles: dict[str, int] = field(default_factory=dict)


def run_figures(
    manifest: ProgramManifest, config: AccelConfig, run: RtlRun | None = None
) -> RunFigures:
    """The figures of a run."""
    layers = manifest.layers
    convs = convolutional_layers(layers)
    macs = manifest.macs
    conv_macs = sum(layer.macs for layer in layers[:convs])
    if run is None:
        return RunFigures(macs=macs, conv_macs=conv_macs, multipliers=config.multipliers)
    counters, pes = run.counters, config.rows * config.cols
    cycles = conv_cycles = counters["cycles"]
    if convs < len(layers):
        conv_cycles = int(max(finishes(manifest, run.events)[:convs], default=0))
    return RunFigures(
        cycles=cycles,
        macs=macs,
        conv_macs=conv_macs,
        conv_cycles=conv_cycles,
        mac_utilisation=macs / (pes * cycles),
        conv_mac_utilisation=conv_macs / (pes * conv_cycles) if conv_cycles else 0.0,
        multipliers=config.multipliers,
        multiplier_utilisation=macs / (config.multipliers * cycles),
        dram_read_bytes=counters["read_beats"] * config.axi_bytes,
        dram_write_bytes=counters["write_beats"] * config.axi_bytes,
        stall_cycles={cause: counters[f"stall_{cause}"] for cause in STALLS},
    )


def figures(
    design: Design, options: Options, result: Result, outputs: Sequence[SampleResult] = ()
) -> SimulateResult:
    """The figures of a simulation: cycles and layers of the first input, comparisons of all.

    outputs : what was computed of each sample.
    """
    runs = [outcome.run for outcome in result.outcomes if outcome.run]
    first = run_figures(design.manifest, design.config, runs[0] if runs else None)
    every = [d for outcome in result.outcomes for d in outcome.differences.values()]
    seconds = sum(outcome.seconds for outcome in result.outcomes)
    simulated = sum(run.counters["cycles"] for run in runs)
    return SimulateResult(
        engine=options.engine,
        model=design.manifest.model,
        pe=design.config.pe,
        **asdict(first),
        elements_compared=sum(d.elements for d in every),
        mismatches=sum(d.mismatches for d in every),
        max_abs_error=max((d.max_abs_error for d in every), default=0),
        seconds=round(seconds, 3),
        build_seconds=round(result.build_seconds, 3),
        cycles_per_second=round(simulated / max(seconds, 1e-9)) if runs else None,
        layers=_layers(design, result, runs[0] if runs else None),
        outputs=list(outputs),
        mismatch_lines=mismatch_lines(design, result),
    )


def merged(found: Sequence[SimulateResult]) -> SimulateResult:
    """The figures of a network of several programs, from those of each, in order."""
    first, *others = found
    if not others:
        return first

    def total(name: str) -> Any:
        values = [getattr(one, name) for one in found]
        return None if None in values else sum(values)

    sums = ("cycles", "macs", "conv_macs", "conv_cycles", "dram_read_bytes", "dram_write_bytes")
    figures = {name: total(name) for name in (*sums, "elements_compared", "mismatches")}
    seconds = total("seconds")
    if (cycles := figures["cycles"]) is not None:
        rows, cols = map(int, first.pe.split("x"))
        pes = rows * cols
        figures |= dict(
            mac_utilisation=figures["macs"] / (pes * cycles),
            conv_mac_utilisation=figures["conv_macs"] / (pes * max(figures["conv_cycles"], 1)),
            multiplier_utilisation=figures["macs"] / (first.multipliers * cycles),
            cycles_per_second=round(
                sum((one.cycles_per_second or 0) * one.seconds for one in found)
                / max(seconds, 1e-9)
            ),
        )
    return replace(
        first,
        **figures,
        max_abs_error=max(one.max_abs_error for one in found),
        stall_cycles={c: sum(o.stall_cycles[c] for o in found) for c in first.stall_cycles},
        seconds=round(seconds, 3),
        build_seconds=round(total("build_seconds"), 3),
        layers=[layer for one in found for layer in one.layers],
        mismatch_lines=[line for one in found for line in one.mismatch_lines][:REPORTED],
    )


def _layers(design: Design, result: Result, run: RtlRun | None) -> list[LayerResult]:
    """Of each layer: cycles and stalls of a run, mismatches of all inputs."""
    layers = design.manifest.layers
    measured = layer_cycles(design.manifest, run.events) if run else None
    rows: list[LayerResult] = []
    for number, layer in enumerate(layers):
        found = [outcome.differences.get(layer.tensor) for outcome in result.outcomes]
        mismatches = sum(d.mismatches for d in found if d)
        taken = asdict(measured[number]) if measured else {}
        rows.append(
            LayerResult(
                name=layer.name, op=layer.op, macs=layer.macs, mismatches=mismatches, **taken
            )
        )
    return rows


def mismatch_lines(design: Design, result: Result) -> list[str]:
    """A line for each of the first mismatching tensors, in the order of the layers, with the
    instruction that wrote the element.
    """
    layers = {layer.tensor: layer.name for layer in design.manifest.layers}
    lines = []
    for number, outcome in enumerate(result.outcomes):
        for tensor, layer in layers.items():
            found = outcome.differences.get(tensor)
            if found and found.mismatches and len(lines) < REPORTED:
                lines.append(
                    f"input {number}, layer {layer!r}, {found}{_written_by(design, found)}"
                )
    return lines


def _written_by(design: Design, difference: Difference) -> str:
    if difference.at is None:
        return ""
    found = writing_instruction(
        _instructions(design.program),
        design.placements[difference.tensor],
        difference.at,
        design.config.post_lanes,
    )
    return f"; written by {found[1].upper()} number {found[0]}" if found else ""


def _instructions(program: bytes) -> Iterator[tuple[str, Mapping[str, int]]]:
    at = 0
    while at < len(program):
        instruction, _, values, size = isa.decode(program, at)
        yield instruction.name, values
        at += size
