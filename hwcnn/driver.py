"""The C files of a generated folder: register map, a driver for bare metal, and the network's addresses."""

from .rtl import registers

_BANNER = "/* Made by hwcnn {version} for {model} on {pe}. */\n"


def files(manifest, config):
    """``{file name: text}``: hwcnn_registers.h, hwcnn_network.h, hwcnn.h and hwcnn.c, in C99."""
    banner = _BANNER.format(version=manifest["hwcnn"], model=_comment(manifest["model"]), pe=config.pe)
    return {
        "hwcnn_registers.h": banner + _registers(),
        "hwcnn_network.h": banner + _network(manifest, config),
        "hwcnn.h": banner + _HEADER,
        "hwcnn.c": banner + _SOURCE,
    }


def _comment(text):
    return str(text).replace("*/", "* /").replace("\n", " ")


def _registers():
    lines = ["#ifndef HWCNN_REGISTERS_H", "#define HWCNN_REGISTERS_H", ""]
    for register in registers.REGISTERS:
        lines.append(f"#define HWCNN_{register.name} 0x{register.offset:03X}u /* {register.access}: {_comment(register.doc)} */")
        for f in register.fields:
            name = f"HWCNN_{register.name}_{f.name.upper()}"
            lines += [f"#define {name}_LSB {f.lsb}u /* {_comment(f.doc)} */",
                      f"#define {name}_MASK 0x{((1 << f.bits) - 1) << f.lsb:08X}u"]
    lines += ["", f"#define HWCNN_ID_VALUE 0x{registers.ID_VALUE:08X}u", f"#define HWCNN_VERSION_VALUE 0x{registers.VERSION_VALUE:08X}u", ""]
    lines += [f"#define HWCNN_ERROR_{name.upper()} {code}u /* {_comment(text)} */" for name, (code, text) in registers.ERRORS.items()]
    return "\n".join([*lines, "", "#endif", ""])


def _network(manifest, config):
    memory = manifest["memory"]
    lines = ["#ifndef HWCNN_NETWORK_H", "#define HWCNN_NETWORK_H", "",
             "/* Byte offsets are from the base of the DRAM region, which must be aligned to 4096. */",
             f"#define HWCNN_DRAM_BYTES {manifest['dram_bytes']}u",
             f"#define HWCNN_KEY_VALUE 0x{int(config.key()[:8], 16):08X}u /* the hardware that the program is for */",
             f"#define HWCNN_LANES {config.lanes}u /* channels in a block */"]
    for name in ("program", "weights"):
        lines += [f"#define HWCNN_{name.upper()}_ADDR {memory[name]['addr']}u",
                  f"#define HWCNN_{name.upper()}_BYTES {memory[name]['size']}u"]
    tensors = [("INPUT", i, item["tensor"]) for i, item in enumerate(manifest["inputs"])]
    tensors += [("OUTPUT", i, name) for i, name in enumerate(manifest["outputs"])]
    for kind, number, name in tensors:
        tensor, prefix = manifest["tensors"][name], f"HWCNN_{kind}{number}"
        place = tensor["placement"]
        n, c, h, w = tensor["shape"]
        lines += ["", f"/* {kind.lower()} {number}: {_comment(name)}, int8, real = scale * (value - zero); [n][c / lanes][h][w][c % lanes] */",
                  f"#define {prefix}_ADDR {place['addr']}u", f"#define {prefix}_IMAGE_STRIDE {place['image_stride']}u",
                  f"#define {prefix}_N {n}u", f"#define {prefix}_C {c}u", f"#define {prefix}_H {h}u", f"#define {prefix}_W {w}u",
                  f"#define {prefix}_SCALE {tensor['scale']!r}", f"#define {prefix}_ZERO ({tensor['zero']})"]
    return "\n".join([*lines, "", "#endif", ""])


_HEADER = """#ifndef HWCNN_H
#define HWCNN_H

#include <stddef.h>
#include <stdint.h>

/* One accelerator. regs: its registers; dram: the region as the CPU sees it (uncached, or flushed by the caller);
 * bus_addr: the same region as the accelerator sees it, aligned to 4096. */
typedef struct {
    volatile uint32_t *regs;
    volatile uint8_t *dram;
    uint32_t bus_addr;
} hwcnn_t;

enum { HWCNN_OK = 0, HWCNN_WRONG_HARDWARE = -1, HWCNN_TIMEOUT = -2 }; /* positive results: HWCNN_ERROR_* */

/* Check the hardware and copy the program (program.bin) and the weights (weights.bin) to their places. */
int hwcnn_load(const hwcnn_t *dev, const void *program, const void *weights);

/* Run once. polls: reads of the status before HWCNN_TIMEOUT, after which the accelerator is reset. */
int hwcnn_run(const hwcnn_t *dev, uint32_t polls);

/* Stop whatever runs. */
void hwcnn_reset(const hwcnn_t *dev);

/* Write or read one element of a tensor of hwcnn_network.h without holes (inputs and convolutions' outputs). */
size_t hwcnn_offset(uint32_t addr, uint32_t image_stride, uint32_t h, uint32_t w, uint32_t n, uint32_t c, uint32_t y, uint32_t x);

#endif
"""

_SOURCE = """#include "hwcnn.h"

#include "hwcnn_network.h"
#include "hwcnn_registers.h"

static uint32_t read_reg(const hwcnn_t *dev, uint32_t offset) { return dev->regs[offset / 4]; }

static void write_reg(const hwcnn_t *dev, uint32_t offset, uint32_t value) { dev->regs[offset / 4] = value; }

static void copy(volatile uint8_t *to, const void *from, size_t size) {
    const uint8_t *bytes = from;
    for (size_t i = 0; i < size; ++i) to[i] = bytes[i];
}

int hwcnn_load(const hwcnn_t *dev, const void *program, const void *weights) {
    if (read_reg(dev, HWCNN_ID) != HWCNN_ID_VALUE || read_reg(dev, HWCNN_KEY) != HWCNN_KEY_VALUE) return HWCNN_WRONG_HARDWARE;
    copy(dev->dram + HWCNN_PROGRAM_ADDR, program, HWCNN_PROGRAM_BYTES);
    copy(dev->dram + HWCNN_WEIGHTS_ADDR, weights, HWCNN_WEIGHTS_BYTES);
    return HWCNN_OK;
}

int hwcnn_run(const hwcnn_t *dev, uint32_t polls) {
    write_reg(dev, HWCNN_BASE, dev->bus_addr);
    write_reg(dev, HWCNN_PROGRAM, HWCNN_PROGRAM_ADDR);
    write_reg(dev, HWCNN_CONTROL, HWCNN_CONTROL_START_MASK);
    while (polls--) {
        const uint32_t status = read_reg(dev, HWCNN_STATUS);
        const uint32_t error = (status & HWCNN_STATUS_ERROR_MASK) >> HWCNN_STATUS_ERROR_LSB;
        if (error) {
            hwcnn_reset(dev);
            return (int)error;
        }
        if ((status & HWCNN_STATUS_DONE_MASK) && !(status & HWCNN_STATUS_BUSY_MASK)) return HWCNN_OK;
    }
    hwcnn_reset(dev);
    return HWCNN_TIMEOUT;
}

void hwcnn_reset(const hwcnn_t *dev) { write_reg(dev, HWCNN_CONTROL, HWCNN_CONTROL_RESET_MASK); }

size_t hwcnn_offset(uint32_t addr, uint32_t image_stride, uint32_t h, uint32_t w, uint32_t n, uint32_t c, uint32_t y, uint32_t x) {
    const size_t vector = ((size_t)(c / HWCNN_LANES) * h + y) * w + x;
    return addr + (size_t)n * image_stride + vector * HWCNN_LANES + c % HWCNN_LANES;
}
"""
