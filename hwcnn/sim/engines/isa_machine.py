"""The state of an accelerator between two instructions, as the ISA engine keeps it."""

from collections import deque
from collections.abc import Mapping

import numpy as np

from hwcnn import isa
from hwcnn.bitfields import BitFields
from hwcnn.config import AccelConfig
from hwcnn.errors import RunError
from hwcnn.limits import DW_WORDS

#: The fields of an instruction by name, as `isa.decode` gives them.
Values = Mapping[str, int]


class ProgramError(RunError):
    """The program does what it must not: a wait that cannot hold, weights that do not match, an
    address outside of a memory.
    """


class Machine:
    """Activation buffer, accumulators, parameters, weight stream, completion counters and DRAM.

    Parameters
    ----------
    dram : uint8 [bytes], changed in place.
    config : the accelerator's configuration.
    """

    def __init__(self, dram: np.ndarray, config: AccelConfig) -> None:
        self.dram, self.config = dram, config
        #: [act_vectors, lanes]: int8 values in float32, ready for BLAS
        self.activations = np.zeros((config.act_vectors, config.lanes), np.float32)
        #: [vectors of both halves, cols]
        self.accumulators = np.zeros((2 * config.acc_depth, config.cols), np.int32)
        #: parameter words, [slots, channels of a block]
        self.post_params = np.zeros((config.param_slots, config.cols), np.uint64)
        self.vector_params = np.zeros((config.param_slots, config.lanes), np.uint64)
        self.lrn_table, self.table = np.zeros(1024, np.int64), np.zeros(256, np.int8)
        #: depthwise weights by word: [words, taps, lanes]
        self.dw_weights = np.zeros((DW_WORDS, config.dw_taps, config.lanes), np.int8)
        #: streamed weights that no ARRAY has used
        self.weights: deque[np.ndarray] = deque()
        #: instructions completed, by completion counter
        self.counts: dict[str, int] = dict.fromkeys(isa.COUNTERS, 0)

    def complete(self, *counters: str) -> None:
        """An instruction has completed: count it."""
        for counter in counters:
            self.counts[counter] += 1

    def memory(self, addr: int, strides: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
        """An int8 view of DRAM of a shape, from byte `addr` on; strides : bytes, by dimension.
        Raises ProgramError for what lies outside.
        """
        end = addr + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1
        if end > len(self.dram):
            raise ProgramError(
                f"address {end - 1} is outside of the {len(self.dram)} bytes of memory"
            )
        return np.lib.stride_tricks.as_strided(self.dram[addr:end].view(np.int8), shape, strides)

    def read_tile(self, v: Values) -> np.ndarray:
        """The operand tile of a LOAD or VECTOR: int8 [n_blk, rows, cols, lanes], pads included."""
        lanes = self.config.lanes
        tile = self.memory(
            v["addr"],
            (v["blk_stride"], v["row_stride"], lanes, 1),
            (v["n_blk"], v["n_rows"], v["n_cols"], lanes),
        )
        pads = (0, 0), (v["pad_top"], v["pad_bottom"]), (v["pad_left"], v["pad_right"]), (0, 0)
        return np.pad(tile, pads, constant_values=v["pad_value"])

    def write_tile(self, v: Values, values: np.ndarray) -> None:
        """Write the results of a POST or VECTOR: int8 [n_blk, out_rows * out_cols, channels]."""
        shape = v["n_blk"], v["out_rows"], v["out_cols"], values.shape[-1]
        strides = v["out_blk_stride"], v["out_row_stride"], v["out_pix_stride"], 1
        self.memory(v["out_addr"], strides, shape)[...] = values.reshape(shape)


def unpack_parameters(
    words: np.ndarray, fields: BitFields = isa.CHANNEL
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bias, mantissa, shift), int64, of words (uint64) of `isa.CHANNEL` or the like."""
    values = fields.unpack_arrays(words)
    return values["bias"], values["mantissa"], values["shift"]
