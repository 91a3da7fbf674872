#ifndef HWCNN_H
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

/* Check the hardware and copy a program and its weights to their places. number: from 0, program.bin and weights.bin, to
 * HWCNN_PROGRAMS - 1; the files of number 1 are program_1.bin and weights_1.bin. */
int hwcnn_load(const hwcnn_t *dev, uint32_t number, const void *program, const void *weights);

/* Run a program once. number: as above. polls: reads of the status before HWCNN_TIMEOUT. After an error or a timeout the accelerator is reset, and can run again
 * at once; fault (or NULL) tells what was wrong. */
int hwcnn_run(const hwcnn_t *dev, uint32_t number, uint32_t polls, hwcnn_fault_t *fault);

/* Stop whatever runs, and wait until the bus has finished what was asked of it. polls: reads of the status before that is given up, and
 * the result is HWCNN_BUS_DEAD. */
int hwcnn_reset(const hwcnn_t *dev, uint32_t polls);

/* Write or read one element of a tensor of hwcnn_network.h without holes (inputs and convolutions' outputs). */
size_t hwcnn_offset(uint32_t addr, uint32_t image_stride, uint32_t h, uint32_t w, uint32_t n, uint32_t c, uint32_t y, uint32_t x);

#endif
