"""The verb ``estimate``: resources of a configuration on a device, performance of a network on a configuration."""

from ..config import AccelConfig
from ..errors import InputError
from ..frontend.importer import import_graph
from ..frontend.load import load
from ..frontend.quantise import quantise
from ..generate import Generated, accelerator_verilog, last
from ..scheduler.compile import compile_graph
from ..scheduler.timing import estimate as replay
from . import devices, model, synth

CLOCKS_MHZ = (100, 150, 200, 250, 300)


def resources(folder=None, pe=None, config=None, device=None, synthesise=False, place=False, progress=lambda text: None):
    """``{device, pe, luts, ffs, dsps, brams, fits, lut_per_mac, fmax_mhz, source}``. fmax_mhz is None but after place and route."""
    part = devices.find(device or (sorted(synth.PLACEABLE)[-1] if place else devices.DEFAULT))
    accelerator = _config(folder, pe, config)
    source, fmax = "model", None
    if synthesise or place:
        verilog = accelerator_verilog(accelerator)
        used, source = synth.resources(verilog, part.family, progress), "synth"
    else:
        used = model.resources(accelerator, part.family)
    if place:
        fmax, source = synth.fmax(verilog, part, progress), "pnr"
    fits = all(used[kind] <= getattr(part, kind) for kind in ("luts", "ffs", "dsps", "brams"))
    return {"device": part.name, "pe": accelerator.pe, **{k: used[k] for k in ("luts", "ffs", "dsps", "brams")}, "fits": fits,
            "lut_per_mac": round(used["luts"] / (accelerator.rows * accelerator.cols), 2), "fmax_mhz": fmax, "source": source}


def performance(folder=None, network=None, pe=None, config=None, batch=1, progress=lambda text: None):
    """``{model, pe, batch, cycles, mac_utilisation, dram_read_bytes, dram_write_bytes, fps_at_mhz, layers}`` by the cycle model."""
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
        accelerator, graph = generated.config, generated.graph
        name, batch = generated.manifest["model"], generated.manifest["batch"]
    progress("compiling")
    compiled = compile_graph(graph, accelerator)
    progress("replaying the program")
    figures = replay(compiled, accelerator)
    layers = compiled.manifest["layers"]
    macs = sum(layer["macs"] for layer in layers)
    return {
        "model": str(name), "pe": accelerator.pe, "batch": batch, "cycles": figures["cycles"], "macs": macs,
        "mac_utilisation": macs / (accelerator.rows * accelerator.cols * figures["cycles"]),
        "dram_read_bytes": figures["dram_read_bytes"], "dram_write_bytes": figures["dram_write_bytes"],
        "fps_at_mhz": {str(mhz): round(batch * mhz * 1e6 / figures["cycles"], 2) for mhz in CLOCKS_MHZ},
        "layers": [{"name": layer["name"], "op": layer["op"], "cycles": cycles, "macs": layer["macs"]}
                   for layer, cycles in zip(layers, figures["layers"], strict=True)],
    }


def _config(folder, pe, config):
    if folder is not None and (pe is not None or config is not None):
        raise InputError("estimate resources: give a folder, or --pe and --config, not both")
    if pe is not None or config is not None:
        return AccelConfig.load(config, pe)
    return Generated(folder or last()).config
