"""The C files of a generated folder: register map, a driver for bare metal (hwcnn.h and hwcnn.c
here), and the network's addresses.
"""

from collections.abc import Sequence
from importlib import resources

from hwcnn.manifest import Manifest, Tensor
from hwcnn.rtl.host import registers

_BANNER = "/* Made by hwcnn {version} for {model} on {pe}. */\n"


def files(manifest: Manifest) -> dict[str, str]:
    """``{file name: text}``: hwcnn_registers.h, hwcnn_network.h, hwcnn.h and hwcnn.c, in C99."""
    banner = _BANNER.format(
        version=manifest.hwcnn, model=_comment(manifest.model), pe=manifest.config.pe
    )
    return {
        "hwcnn_registers.h": banner + _registers(),
        "hwcnn_network.h": banner + _network(manifest),
        "hwcnn.h": banner + _text("hwcnn.h"),
        "hwcnn.c": banner + _text("hwcnn.c"),
    }


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text()


def _comment(text: str) -> str:
    return text.replace("*/", "* /").replace("\n", " ")


def _registers() -> str:
    lines = ["#ifndef HWCNN_REGISTERS_H", "#define HWCNN_REGISTERS_H", ""]
    for register in registers.REGISTERS:
        lines.append(
            f"#define HWCNN_{register.name} 0x{register.offset:03X}u "
            f"/* {register.access}: {_comment(register.doc)} */"
        )
        for f in register.fields:
            name = f"HWCNN_{register.name}_{f.name.upper()}"
            lines += [
                f"#define {name}_LSB {f.lsb}u /* {_comment(f.doc)} */",
                f"#define {name}_MASK 0x{((1 << f.bits) - 1) << f.lsb:08X}u",
            ]
    lines += [
        "",
        f"#define HWCNN_ID_VALUE 0x{registers.ID_VALUE:08X}u",
        f"#define HWCNN_VERSION_VALUE 0x{registers.VERSION_VALUE:08X}u",
        "",
    ]
    lines += [
        f"#define HWCNN_ERROR_{name.upper()} {code}u /* {_comment(text)} */"
        for name, (code, text) in registers.ERRORS.items()
    ]
    return "\n".join([*lines, "", "#endif", ""])


def _network(manifest: Manifest) -> str:
    config, programs = manifest.config, manifest.programs
    budgets = [program.cycle_budget for program in programs]
    lines = [
        "#ifndef HWCNN_NETWORK_H",
        "#define HWCNN_NETWORK_H",
        "",
        "/* Byte offsets are from the base of the DRAM region, which must be aligned to 4096. */",
        f"#define HWCNN_DRAM_BYTES {manifest.dram_bytes}u",
        f"#define HWCNN_KEY_VALUE 0x{int(config.key()[:8], 16):08X}u "
        "/* the hardware that the programs are for */",
        f"#define HWCNN_LANES {config.lanes}u /* channels in a block */",
        "/* Cycles after which a run is given up: 4 times what is predicted, and more. 0: never. "
        "Define another number for a slow memory. */",
        "#ifndef HWCNN_CYCLE_BUDGET",
        f"#define HWCNN_CYCLE_BUDGET {max(budgets) if all(budgets) else 0}u",
        "#endif",
        "",
        "/* Programs, each with a part of the region of its own: where that begins, and therein "
        "offset and size of the program and of the weights. */",
        f"#define HWCNN_PROGRAMS {len(programs)}u",
        "#define HWCNN_PROGRAM_TABLE { \\",
        *(
            f"    {{{base}u, {p.memory.program.addr}u, {p.memory.program.size}u, "
            f"{p.memory.weights.addr}u, {p.memory.weights.size}u}}, \\"
            for base, p in zip(manifest.bases, programs, strict=True)
        ),
        "}",
        *_steps(manifest),
    ]
    counts = {"INPUT": 0, "OUTPUT": 0}
    for number, (program, base) in enumerate(zip(programs, manifest.bases, strict=True)):
        tensors = [("INPUT", item.tensor, item.normalise) for item in program.inputs]
        tensors += [("OUTPUT", name, ()) for name in program.outputs]
        for kind, name, normalise in tensors:
            prefix = f"HWCNN_{kind}{counts[kind]}"
            where = f"{kind.lower()} {counts[kind]}, of program {number}"
            lines += ["", *_tensor(program.tensors[name], base, prefix, f"{where}: {name}")]
            lines += _normalised(prefix, normalise)
            counts[kind] += 1
    return "\n".join([*lines, "", "#endif", ""])


def _steps(manifest: Manifest) -> list[str]:
    """The order of host and accelerator, where the host has a part."""
    if len(manifest.steps) == 1:
        return []
    words = ["", "/* The network is these steps, in order:"]
    for step in manifest.steps:
        takes, gives = ", ".join(step.inputs.values()), ", ".join(step.outputs)
        words.append(f" * {step.file}: from {_comment(takes)} to {_comment(gives)}")
    return [*words, " */"]


def _tensor(tensor: Tensor, base: int, prefix: str, what: str) -> list[str]:
    place = tensor.placement
    n, c, h, w = tensor.shape
    return [
        f"/* {_comment(what)}, int8, real = scale * (value - zero); "
        "[n][c / lanes][h][w][c % lanes] */",
        f"#define {prefix}_ADDR {base + place.addr}u",
        f"#define {prefix}_IMAGE_STRIDE {place.image_stride}u",
        f"#define {prefix}_N {n}u",
        f"#define {prefix}_C {c}u",
        f"#define {prefix}_H {h}u",
        f"#define {prefix}_W {w}u",
        f"#define {prefix}_SCALE {tensor.scale!r}",
        f"#define {prefix}_ZERO ({tensor.zero})",
    ]


def _normalised(prefix: str, normalise: Sequence[tuple[float, float]]) -> list[str]:
    """What the host does with an input of the network first. normalise : as `manifest.Input`."""
    if not normalise:
        return []
    gains, offsets = zip(*normalise, strict=True)
    return [
        f"/* real = {prefix}_GAIN[c] * x + {prefix}_OFFSET[c] of the network's own input x "
        f"(one value stands for all channels); initialisers of float arrays */",
        f"#define {prefix}_GAIN {{{', '.join(f'{float(g)!r}' for g in gains)}}}",
        f"#define {prefix}_OFFSET {{{', '.join(f'{float(o)!r}' for o in offsets)}}}",
    ]
