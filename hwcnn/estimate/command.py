"""The verb ``estimate``: resources of a configuration on a device, performance of a network on a
configuration.
"""

from dataclasses import asdict, replace

from hwcnn.artifact import Generated, last
from hwcnn.config import AccelConfig, max_axi_bytes
from hwcnn.cycles.replay import estimate as replay
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.scheduler.compile import compile_graph
from hwcnn.sim.design import Design

from . import devices, model, netlist, pnr, synth
from .components import COMPONENTS, block_of
from .families import FAMILIES

CLOCKS_MHZ = (100, 150, 200, 250, 300)
#: Sizes that ``--pe auto`` considers.
SIDES = (4, 8, 16, 32, 64)


def resources(
    folder=None,
    pe=None,
    config=None,
    device=None,
    synthesise=False,
    place=False,
    progress=lambda text: None,
):
    """``{device, pe, luts, ffs, dsps, brams, fits, percent, components, in_luts, lut_per_mac,
    fmax_mhz, critical_path, source}``.

    percent : of the device, by kind. components : a row of figures each. in_luts : the multipliers
    that are made of LUTs since the device has too few blocks, and the words of the deepest RAMs
    that are. fmax_mhz, critical_path : None but after place and route.
    """
    part = devices.find(device or (sorted(pnr.PLACEABLE)[-1] if place else devices.DEFAULT))
    accelerator = (
        largest(AccelConfig.load(config), part, progress)
        if pe == "auto"
        else _config(folder, pe, config)
    )
    known = part.family in model.coefficients()
    in_luts, timing = model.scarce(accelerator, part) if known else synth.InLuts(), None
    if synthesise or place:
        built = synth.synthesise(accelerator_verilog(accelerator), part.family, in_luts, progress)
        parts, source = synthesised(built, part.family), "synth"
    else:
        parts, source = model.components(accelerator, part.family, in_luts), "model"
    if place:
        timing, source = pnr.place(built, part, progress), "pnr"
    used = model.total(parts)
    return {
        "device": part.name,
        "pe": accelerator.pe,
        **used,
        "fits": fits(used, part),
        "percent": {kind: round(100 * used[kind] / getattr(part, kind), 1) for kind in model.KINDS},
        "components": [{"name": name, **figures} for name, figures in parts.items()],
        "in_luts": asdict(in_luts),
        "lut_per_mac": round(used["luts"] / (accelerator.rows * accelerator.cols), 2),
        "fmax_mhz": timing and timing.mhz,
        "critical_path": timing and list(timing.path),
        "source": source,
    }


def synthesised(folder, family):
    """``{component: {luts, ffs, dsps, brams}}`` of what `synth.synthesise` left in a folder."""
    cells = netlist.by_type(synth.owners(folder), lambda path: block_of(path).component)
    return {name: FAMILIES[family].count(cells.get(name, {})) for name in COMPONENTS}


def fits(used, part):
    return all(used[kind] <= getattr(part, kind) for kind in model.KINDS)


def largest(config, part, progress):
    """The configuration with the largest array that fits a device by formula, the squarest among
    equals; InputError if none does.
    """
    sizes = sorted(
        ((rows, cols) for rows in SIDES for cols in SIDES),
        key=lambda s: (-s[0] * s[1], abs(s[0] - s[1]), s),
    )
    for rows, cols in sizes:
        if config.axi_bytes > max_axi_bytes(rows, cols):
            continue
        candidate = replace(config, rows=rows, cols=cols)
        progress(candidate.pe)
        # Without RAMs first: to find those takes a second.
        if all(
            fits(
                model.total(
                    model.components(
                        candidate, part.family, model.scarce(candidate, part, memory), memory=memory
                    )
                ),
                part,
            )
            for memory in (False, True)
        ):
            return candidate
    raise InputError(f"--pe auto: no array fits {part.name}; smaller buffers (--config) might")


def performance(
    folder=None, network=None, pe=None, config=None, batch=1, progress=lambda text: None
):
    """``{model, pe, batch, cycles, mac_utilisation, dram_read_bytes, dram_write_bytes, fps_at_mhz,
    layers}`` by the cycle model.
    """
    if network is not None:
        if folder is not None:
            raise InputError("estimate performance: give a folder or --model, not both")
        accelerator = AccelConfig.load(config, pe)
        progress("reading and quantising the model")
        graph, name = import_graph(quantise(load(network, batch)), batch), network
    else:
        if pe is not None or config is not None:
            raise InputError("estimate performance: --pe and --config go with --model")
        generated = Generated(folder or last())
        accelerator = generated.manifest.config
        graph = Design.of(generated).graph
        name, batch = generated.manifest.model, generated.manifest.batch
    progress("compiling")
    compiled = compile_graph(graph, accelerator)
    progress("replaying the program")
    figures = replay(compiled, accelerator)
    layers = compiled.manifest.layers
    macs = compiled.manifest.macs
    return {
        "model": str(name),
        "pe": accelerator.pe,
        "batch": batch,
        "cycles": figures.cycles,
        "macs": macs,
        "mac_utilisation": macs / (accelerator.rows * accelerator.cols * figures.cycles),
        "dram_read_bytes": figures.dram_read_bytes,
        "dram_write_bytes": figures.dram_write_bytes,
        "fps_at_mhz": {
            str(mhz): round(batch * mhz * 1e6 / figures.cycles, 2) for mhz in CLOCKS_MHZ
        },
        "layers": [
            {"name": layer.name, "op": layer.op, "cycles": cycles, "macs": layer.macs}
            for layer, cycles in zip(layers, figures.layers, strict=True)
        ],
    }


def _config(folder, pe, config):
    if folder is not None and (pe is not None or config is not None):
        raise InputError("estimate resources: give a folder, or --pe and --config, not both")
    if pe is not None or config is not None:
        return AccelConfig.load(config, pe)
    return Generated(folder or last()).manifest.config
