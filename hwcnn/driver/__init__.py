"""The C files of a generated folder: register map, a driver for bare metal (hwcnn.h and hwcnn.c
here), and the network's addresses.
"""

from importlib import resources

from hwcnn.manifest import Manifest
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
    memory, config = manifest.memory, manifest.config
    lines = [
        "#ifndef HWCNN_NETWORK_H",
        "#define HWCNN_NETWORK_H",
        "",
        "/* Byte offsets are from the base of the DRAM region, which must be aligned to 4096. */",
        f"#define HWCNN_DRAM_BYTES {manifest.dram_bytes}u",
        f"#define HWCNN_KEY_VALUE 0x{int(config.key()[:8], 16):08X}u "
        "/* the hardware that the program is for */",
        f"#define HWCNN_LANES {config.lanes}u /* channels in a block */",
        "/* Cycles after which a run is given up: 4 times what is predicted, and more. 0: never. "
        "Define another number for a slow memory. */",
        "#ifndef HWCNN_CYCLE_BUDGET",
        f"#define HWCNN_CYCLE_BUDGET {manifest.cycle_budget}u",
        "#endif",
    ]
    for name, region in (("PROGRAM", memory.program), ("WEIGHTS", memory.weights)):
        lines += [
            f"#define HWCNN_{name}_ADDR {region.addr}u",
            f"#define HWCNN_{name}_BYTES {region.size}u",
        ]
    tensors = [("INPUT", i, item.tensor) for i, item in enumerate(manifest.inputs)]
    tensors += [("OUTPUT", i, name) for i, name in enumerate(manifest.outputs)]
    for kind, number, name in tensors:
        tensor, prefix = manifest.tensors[name], f"HWCNN_{kind}{number}"
        place = tensor.placement
        n, c, h, w = tensor.shape
        lines += [
            "",
            f"/* {kind.lower()} {number}: {_comment(name)}, int8, real = scale * (value - zero); "
            "[n][c / lanes][h][w][c % lanes] */",
            f"#define {prefix}_ADDR {place.addr}u",
            f"#define {prefix}_IMAGE_STRIDE {place.image_stride}u",
            f"#define {prefix}_N {n}u",
            f"#define {prefix}_C {c}u",
            f"#define {prefix}_H {h}u",
            f"#define {prefix}_W {w}u",
            f"#define {prefix}_SCALE {tensor.scale!r}",
            f"#define {prefix}_ZERO ({tensor.zero})",
        ]
        if kind == "INPUT" and manifest.inputs[number].normalise:
            gains, offsets = zip(*manifest.inputs[number].normalise, strict=True)
            lines += [
                f"/* real = {prefix}_GAIN[c] * x + {prefix}_OFFSET[c] of the network's own input x "
                f"(one value stands for all channels); initialisers of float arrays */",
                f"#define {prefix}_GAIN {{{', '.join(f'{float(g)!r}' for g in gains)}}}",
                f"#define {prefix}_OFFSET {{{', '.join(f'{float(o)!r}' for o in offsets)}}}",
            ]
    return "\n".join([*lines, "", "#endif", ""])
