"""What an accelerator takes of a device: by formula, by synthesis, or by place and route."""

from dataclasses import asdict, replace
from pathlib import Path

from hwcnn.artifact import Generated, last
from hwcnn.config import AccelConfig, max_axi_bytes
from hwcnn.errors import InputError
from hwcnn.results import Progress, ResourceEstimate, silent
from hwcnn.rtl.verilog import accelerator_verilog

from . import devices, formulas
from .pnr import PLACEABLE, place
from .synth import synthesise, synthesised_components
from .usage import NOTHING_IN_LUTS

#: Sides of the arrays among which pe="auto" looks for the largest that fits.
SIDES = (4, 8, 16, 32, 64)


def estimate_resources(
    folder: str | Path | None = None,
    *,
    pe: str | None = None,
    config: str | Path | AccelConfig | None = None,
    device: str | None = None,
    synth: bool = False,
    pnr: bool = False,
    progress: Progress = silent,
) -> ResourceEstimate:
    """Logic, multipliers and memories on a device, by component.

    Parameters
    ----------
    folder : a generated one; the last one if neither it nor `pe` nor `config` is given.
    pe : "ROWSxCOLS", over what `config` says; "auto": the largest array that fits.
    config : TOML file, or the configuration itself.
    device : a name of `hwcnn devices`.
    synth : synthesise with Yosys, which takes about a minute, instead of the formula.
    pnr : place and route with nextpnr as well (ECP5).
    progress : told what is being done.

    Raises InputError where an argument is at fault, RunError where a tool fails.
    """
    chosen = devices.find(device or (sorted(PLACEABLE)[-1] if pnr else devices.DEFAULT))
    accelerator = (
        largest(AccelConfig.load(config), chosen, progress)
        if pe == "auto"
        else _config(folder, pe, config)
    )
    known = chosen.family in formulas.coefficients()
    in_luts = formulas.short_of_blocks(accelerator, chosen) if known else NOTHING_IN_LUTS
    timing = None
    if synth or pnr:
        verilog = accelerator_verilog(accelerator)
        netlist = synthesise(verilog, chosen.family, in_luts, progress)
        components, source = synthesised_components(netlist, chosen.family), "synth"
        if pnr:
            timing, source = place(netlist, chosen, progress), "pnr"
    else:
        components, source = formulas.components(accelerator, chosen.family, in_luts), "model"
    used = formulas.total(components)
    return ResourceEstimate(
        device=chosen.name,
        pe=accelerator.pe,
        **{kind: round(number) for kind, number in used.to_dict().items()},
        fits=chosen.holds(used),
        percent=chosen.percent(used),
        components=[{"name": name, **own.to_dict()} for name, own in components.items()],
        in_luts=asdict(in_luts),
        lut_per_mac=round(used.luts / (accelerator.rows * accelerator.cols), 2),
        fmax_mhz=timing.mhz if timing else None,
        critical_path=list(timing.path) if timing else None,
        source=source,
    )


def _config(
    folder: str | Path | None, pe: str | None, config: str | Path | AccelConfig | None
) -> AccelConfig:
    if pe is None and config is None:
        return Generated(folder or last()).manifest.config
    if folder is not None:
        raise InputError("give a folder, or an array and a configuration, not both", "folder")
    return AccelConfig.load(config, pe)


def largest(config: AccelConfig, device: devices.Device, progress: Progress) -> AccelConfig:
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
        if all(formulas.fits(candidate, device, memory) for memory in (False, True)):
            return candidate
    problem = f"no array fits {device.name}; smaller buffers (in a configuration) might"
    raise InputError(problem, "pe", "auto")
