"""How fast an accelerator runs a network: a replay of its program by the cycle model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hwcnn.artifact import Generated, last
from hwcnn.config import AccelConfig
from hwcnn.cycles.replay import estimate
from hwcnn.errors import InputError, check_range
from hwcnn.frontend.model.load import load
from hwcnn.frontend.partition.network import images, partition
from hwcnn.ir import Graph
from hwcnn.limits import MAX_BATCH
from hwcnn.manifest import ProgramManifest
from hwcnn.results import LayerEstimate, PerformanceEstimate, Progress, silent
from hwcnn.scheduler.compile import compile_graph
from hwcnn.tile_ops import Program, from_program

CLOCKS_MHZ = (100, 150, 200, 250, 300)


def estimate_performance(
    folder: str | Path | None = None,
    *,
    model: str | Path | None = None,
    pe: str | None = None,
    config: str | Path | AccelConfig | None = None,
    batch: int = 1,
    shapes: Mapping[str, Sequence[int]] | None = None,
    progress: Progress = silent,
) -> PerformanceEstimate:
    """Cycles, utilisation and traffic of a run, without what the host computes.

    Parameters
    ----------
    folder : a generated one, whose own program is replayed; the last one if left out.
    model : instead of a folder, a built-in name or an ONNX file, which is compiled for `pe`,
    `config`, `batch` and `shapes` (see `generate`).
    progress : told what is being done.

    Raises InputError where an argument or the network is at fault, RunError for a damaged folder.
    """
    if model is None:
        if pe is not None or config is not None:
            raise InputError("an array and a configuration go with a model", "model")
        generated = Generated(folder or last())
        programs = _generated(generated)
        name, batch = generated.manifest.model, generated.manifest.batch
        on_host = sum(len(step.nodes) for step in generated.manifest.steps)
        on_host += sum(len(manifest.host) for _, manifest in programs)
    else:
        if folder is not None:
            raise InputError("give a folder or a model, not both", "model")
        check_range("batch", batch, 1, MAX_BATCH)
        progress("reading and quantising the model")
        network = partition(load(model, batch, shapes), batch=batch)
        programs = _compiled(network.graphs, AccelConfig.load(config, pe), progress)
        name, batch = str(model), max(batch, images(network.quantised))
        on_host = len(network.host)
    progress("replaying the program")
    return _estimated(name, batch, on_host, programs)


def _estimated(
    name: str, batch: int, on_host: int, programs: Sequence[tuple[Program, ProgramManifest]]
) -> PerformanceEstimate:
    """Of all programs together. on_host : nodes that the host computes."""
    accelerator = programs[0][1].config
    found = [estimate(program, accelerator) for program, _ in programs]
    cycles, macs = sum(f.cycles for f in found), sum(m.macs for _, m in programs)
    layers = [
        pair
        for (_, manifest), one in zip(programs, found, strict=True)
        for pair in zip(manifest.layers, one.layers, strict=True)
    ]
    return PerformanceEstimate(
        model=name,
        pe=accelerator.pe,
        batch=batch,
        host_nodes=on_host,
        cycles=cycles,
        bound_cycles=sum(m.bound_cycles for _, m in programs),
        macs=macs,
        mac_utilisation=macs / (accelerator.rows * accelerator.cols * cycles),
        dram_read_bytes=sum(f.dram_read_bytes for f in found),
        dram_write_bytes=sum(f.dram_write_bytes for f in found),
        fps_at_mhz={str(mhz): round(batch * mhz * 1e6 / cycles, 2) for mhz in CLOCKS_MHZ},
        layers=[
            LayerEstimate(layer.name, layer.op, cycles, layer.bound.cycles, layer.macs)
            for layer, cycles in layers
        ],
    )


def _generated(generated: Generated) -> list[tuple[Program, ProgramManifest]]:
    return [
        (Program(from_program(program, manifest.queues), len(manifest.layers)), manifest)
        for program, manifest in zip(generated.programs, generated.manifest.programs, strict=True)
    ]


def _compiled(
    graphs: Sequence[Graph], config: AccelConfig, progress: Progress
) -> list[tuple[Program, ProgramManifest]]:
    progress("compiling")
    compiled = [compile_graph(graph, config) for graph in graphs]
    return [(Program(c.ops, c.layer_count), c.manifest) for c in compiled]
