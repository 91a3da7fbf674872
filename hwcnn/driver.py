"""The C files of a generated folder: register map, a driver for bare metal, and the network's
addresses.
"""

from hwcnn.rtl.host import registers

from .manifest import Manifest

_BANNER = "/* Made by hwcnn {version} for {model} on {pe}. */\n"


def files(manifest: Manifest) -> dict[str, str]:
    """``{file name: text}``: hwcnn_registers.h, hwcnn_network.h, hwcnn.h and hwcnn.c, in C99."""
    banner = _BANNER.format(
        version=manifest.hwcnn, model=_comment(manifest.model), pe=manifest.config.pe
    )
    return {
        "hwcnn_registers.h": banner + _registers(),
        "hwcnn_network.h": banner + _network(manifest),
        "hwcnn.h": banner + _HEADER,
        "hwcnn.c": banner + _SOURCE,
    }


def _comment(text: str) -> str:
    return text.replace("*/", "* /").replace("\n", " ")


def _registers() -> str:
    lines = ["#ifndef HWCNN_REGISTERS_H", "#define HWCNN_REGISTERS_H", ""]
    for register in registers.REGISTERS:
        lines.append(
            f"#define HWCNN_{register.name} 0x{register.offset:03X}u /* {register.access}: {_comment(register.doc)} */"
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
        f"#define HWCNN_KEY_VALUE 0x{int(config.key()[:8], 16):08X}u /* the hardware that the program is for */",
        f"#define HWCNN_LANES {config.lanes}u /* channels in a block */",
        "/* Cycles after which a run is given up: 4 times what is predicted, and more. 0: never. Define another number for a slow memory. */",
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
            f"/* {kind.lower()} {number}: {_comment(name)}, int8, real = scale * (value - zero); [n][c / lanes][h][w][c % lanes] */",
            f"#define {prefix}_ADDR {place.addr}u",
            f"#define {prefix}_IMAGE_STRIDE {place.image_stride}u",
            f"#define {prefix}_N {n}u",
            f"#define {prefix}_C {c}u",
            f"#define {prefix}_H {h}u",
            f"#define {prefix}_W {w}u",
            f"#define {prefix}_SCALE {tensor.scale!r}",
            f"#define {prefix}_ZERO ({tensor.zero})",
        ]
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

/* Positive results: HWCNN_ERROR_*. HWCNN_BUS_DEAD: memory did not answer what was asked of it, and the accelerator was cleared all the
 * same: reset the bus as well before the next run. */
enum { HWCNN_OK = 0, HWCNN_WRONG_HARDWARE = -1, HWCNN_TIMEOUT = -2, HWCNN_BUS_DEAD = -3 };

/* Of an error: HWCNN_ERROR_*; of HWCNN_ERROR_READ and HWCNN_ERROR_WRITE also the client, and where located is not 0 the address on
 * the bus of the burst with the error. */
typedef struct {
    uint32_t error, client, located, addr;
} hwcnn_fault_t;

/* Check the hardware and copy the program (program.bin) and the weights (weights.bin) to their places. */
int hwcnn_load(const hwcnn_t *dev, const void *program, const void *weights);

/* Run once. polls: reads of the status before HWCNN_TIMEOUT. After an error or a timeout the accelerator is reset, and can run again
 * at once; fault (or NULL) tells what was wrong. */
int hwcnn_run(const hwcnn_t *dev, uint32_t polls, hwcnn_fault_t *fault);

/* Stop whatever runs, and wait until the bus has finished what was asked of it. polls: reads of the status before that is given up, and
 * the result is HWCNN_BUS_DEAD. */
int hwcnn_reset(const hwcnn_t *dev, uint32_t polls);

/* Write or read one element of a tensor of hwcnn_network.h without holes (inputs and convolutions' outputs). */
size_t hwcnn_offset(uint32_t addr, uint32_t image_stride, uint32_t h, uint32_t w, uint32_t n, uint32_t c, uint32_t y, uint32_t x);

#endif
"""

_SOURCE = """#include "hwcnn.h"

#include "hwcnn_network.h"
#include "hwcnn_registers.h"

/* Reads of the status in which the address of an error must be found: memory then has answered all that was asked of it. */
enum { HWCNN_LOCATE_POLLS = 10000 };

static uint32_t read_reg(const hwcnn_t *dev, uint32_t offset) { return dev->regs[offset / 4]; }

static void write_reg(const hwcnn_t *dev, uint32_t offset, uint32_t value) { dev->regs[offset / 4] = value; }

static void copy(volatile uint8_t *to, const void *from, size_t size) {
    const uint8_t *bytes = from;
    for (size_t i = 0; i < size; ++i) to[i] = bytes[i];
}

/* Read STATUS until one of the bits is set, or (want: 0) none is, at most `polls` times; returns the last value. */
static uint32_t wait_for(const hwcnn_t *dev, uint32_t bits, int want, uint32_t polls) {
    uint32_t status = read_reg(dev, HWCNN_STATUS);
    while (((status & bits) != 0) != want && polls--) status = read_reg(dev, HWCNN_STATUS);
    return status;
}

int hwcnn_load(const hwcnn_t *dev, const void *program, const void *weights) {
    if (read_reg(dev, HWCNN_ID) != HWCNN_ID_VALUE || read_reg(dev, HWCNN_KEY) != HWCNN_KEY_VALUE) return HWCNN_WRONG_HARDWARE;
    if ((read_reg(dev, HWCNN_VERSION) ^ HWCNN_VERSION_VALUE) & HWCNN_VERSION_MAJOR_MASK) return HWCNN_WRONG_HARDWARE;
    copy(dev->dram + HWCNN_PROGRAM_ADDR, program, HWCNN_PROGRAM_BYTES);
    copy(dev->dram + HWCNN_WEIGHTS_ADDR, weights, HWCNN_WEIGHTS_BYTES);
    return HWCNN_OK;
}

/* Reads the error and resets the accelerator. */
static int recover(const hwcnn_t *dev, uint32_t status, uint32_t polls, hwcnn_fault_t *fault) {
    hwcnn_fault_t found = {(status & HWCNN_STATUS_ERROR_MASK) >> HWCNN_STATUS_ERROR_LSB, 0, 0, 0};
    if (found.error == HWCNN_ERROR_READ || found.error == HWCNN_ERROR_WRITE) {
        status = wait_for(dev, HWCNN_STATUS_LOCATED_MASK, 1, HWCNN_LOCATE_POLLS);
        found.client = (status & HWCNN_STATUS_CLIENT_MASK) >> HWCNN_STATUS_CLIENT_LSB;
        found.located = (status & HWCNN_STATUS_LOCATED_MASK) >> HWCNN_STATUS_LOCATED_LSB;
        if (found.located) found.addr = read_reg(dev, HWCNN_FAULT_ADDR);
    }
    if (fault) *fault = found;
    if (hwcnn_reset(dev, polls) != HWCNN_OK) return HWCNN_BUS_DEAD;
    return found.error ? (int)found.error : HWCNN_TIMEOUT;
}

int hwcnn_run(const hwcnn_t *dev, uint32_t polls, hwcnn_fault_t *fault) {
    write_reg(dev, HWCNN_BASE, dev->bus_addr);
    write_reg(dev, HWCNN_PROGRAM, HWCNN_PROGRAM_ADDR);
    write_reg(dev, HWCNN_BUDGET, HWCNN_CYCLE_BUDGET);
    write_reg(dev, HWCNN_CONTROL, HWCNN_CONTROL_START_MASK);
    const uint32_t status = wait_for(dev, HWCNN_STATUS_ERROR_MASK | HWCNN_STATUS_DONE_MASK, 1, polls);
    if ((status & HWCNN_STATUS_DONE_MASK) && !(status & HWCNN_STATUS_ERROR_MASK)) return HWCNN_OK;
    return recover(dev, status, polls, fault);
}

int hwcnn_reset(const hwcnn_t *dev, uint32_t polls) {
    write_reg(dev, HWCNN_CONTROL, HWCNN_CONTROL_RESET_MASK);
    if (!(wait_for(dev, HWCNN_STATUS_RESETTING_MASK, 0, polls) & HWCNN_STATUS_RESETTING_MASK)) return HWCNN_OK;
    write_reg(dev, HWCNN_CONTROL, HWCNN_CONTROL_RESET_MASK); /* the second one does not wait for the bus */
    wait_for(dev, HWCNN_STATUS_RESETTING_MASK, 0, polls);
    return HWCNN_BUS_DEAD;
}

size_t hwcnn_offset(uint32_t addr, uint32_t image_stride, uint32_t h, uint32_t w, uint32_t n, uint32_t c, uint32_t y, uint32_t x) {
    const size_t vector = ((size_t)(c / HWCNN_LANES) * h + y) * w + x;
    return addr + (size_t)n * image_stride + vector * HWCNN_LANES + c % HWCNN_LANES;
}
"""
