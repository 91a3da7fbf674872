"""How fast an accelerator runs a network: a replay of its program by the cycle model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hwcnn.artifact import Generated, last
from hwcnn.config import AccelConfig
from hwcnn.cycles.replay import estimate
from hwcnn.errors import InputError, check_range
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.ir import Graph
from hwcnn.limits import MAX_BATCH
from hwcnn.manifest import Manifest
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
    """Cycles, utilisation and traffic of a run.

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
        program, manifest = _generated(folder or last())
        name = manifest.model
    else:
        if folder is not None:
            raise InputError("give a folder or a model, not both", "model")
        check_range("batch", batch, 1, MAX_BATCH)
        progress("reading and quantising the model")
        graph = import_graph(quantise(load(model, batch, shapes)), batch)
        program, manifest = _compiled(graph, AccelConfig.load(config, pe), progress)
        name = str(model)
    progress("replaying the program")
    found = estimate(program, manifest.config)
    layers = zip(manifest.layers, found.layers, strict=True)
    return PerformanceEstimate(
        model=name,
        pe=manifest.config.pe,
        batch=manifest.batch,
        cycles=found.cycles,
        bound_cycles=manifest.bound_cycles,
        macs=manifest.macs,
        mac_utilisation=manifest.macs
        / (manifest.config.rows * manifest.config.cols * found.cycles),
        dram_read_bytes=found.dram_read_bytes,
        dram_write_bytes=found.dram_write_bytes,
        fps_at_mhz={
            str(mhz): round(manifest.batch * mhz * 1e6 / found.cycles, 2) for mhz in CLOCKS_MHZ
        },
        layers=[
            LayerEstimate(layer.name, layer.op, cycles, layer.bound.cycles, layer.macs)
            for layer, cycles in layers
        ],
    )


def _generated(folder: str | Path) -> tuple[Program, Manifest]:
    generated = Generated(folder)
    manifest = generated.manifest
    ops = from_program(generated.program, manifest.queues)
    return Program(ops, len(manifest.layers)), manifest


def _compiled(graph: Graph, config: AccelConfig, progress: Progress) -> tuple[Program, Manifest]:
    progress("compiling")
    compiled = compile_graph(graph, config)
    return Program(compiled.ops, compiled.layer_count), compiled.manifest
