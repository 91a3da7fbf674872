#include "hwcnn.h"

#include "hwcnn_network.h"
#include "hwcnn_registers.h"

/* Reads of the status in which the address of an error must be found: memory then has answered all that was asked of it. */
enum { HWCNN_LOCATE_POLLS = 10000 };

static const struct {
    uint32_t base, program, program_bytes, weights, weights_bytes;
} programs[HWCNN_PROGRAMS] = HWCNN_PROGRAM_TABLE;

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

int hwcnn_load(const hwcnn_t *dev, uint32_t number, const void *program, const void *weights) {
    if (read_reg(dev, HWCNN_ID) != HWCNN_ID_VALUE || read_reg(dev, HWCNN_KEY) != HWCNN_KEY_VALUE) return HWCNN_WRONG_HARDWARE;
    if ((read_reg(dev, HWCNN_VERSION) ^ HWCNN_VERSION_VALUE) & HWCNN_VERSION_MAJOR_MASK) return HWCNN_WRONG_HARDWARE;
    volatile uint8_t *const region = dev->dram + programs[number].base;
    copy(region + programs[number].program, program, programs[number].program_bytes);
    copy(region + programs[number].weights, weights, programs[number].weights_bytes);
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

int hwcnn_run(const hwcnn_t *dev, uint32_t number, uint32_t polls, hwcnn_fault_t *fault) {
    write_reg(dev, HWCNN_BASE, dev->bus_addr + programs[number].base);
    write_reg(dev, HWCNN_PROGRAM, programs[number].program);
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
