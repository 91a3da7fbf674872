"""The instruction set as data: one table for the encoder, the decoder, the RTL and the
documentation.

A program is a stream of 16-byte little-endian words. The first word of an instruction is its
header: the opcode in bits 7:0, then one 20-bit wait per completion counter in the order of
``COUNTERS``. An engine starts an instruction only when every completion counter has reached its
wait value. The fields of the table follow, packed without gaps from bit 128 up; the instruction is
padded to whole words.

Each engine has a queue of its own and takes its instructions in order; a counter counts the
instructions that completed (all start at 0 when a program starts). See docs/architecture.md for
what completion means for each. Addresses in DRAM are byte offsets from the base register; "vectors"
are blocks of L = R channels, L bytes.

Long since the whole instruction set is one table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from .bitfields import BitFields, Field

WORD_BITS = 128
WORD_BYTES = WORD_BITS // 8
WAIT_BITS = 20
#: What an instruction can wait for at most, so also how many a counter may count in a program.
MAX_WAIT = (1 << WAIT_BITS) - 1
#: Bytes after a program's END that may be read (and dropped): memory must be readable there.
READ_AHEAD = 512

#: Completion counters, in the order of the header's waits.
COUNTERS = ("load", "array", "post", "pstore", "vstore", "param")


@dataclass(frozen=True)
class Instruction:
    """One opcode.

    Attributes
    ----------
    name, opcode : of the engine whose queue takes it.
    waits : the completion counters that it may wait for.
    fields : in order, from bit `WORD_BITS` on.
    """

    name: str
    opcode: int
    waits: tuple[str, ...]
    fields: tuple[Field, ...]

    @cached_property
    def payload(self) -> BitFields:
        """What follows the header."""
        return BitFields(self.name, self.fields)

    @cached_property
    def words(self) -> int:
        """16-byte words of the instruction, header included."""
        return 1 + -(-self.payload.bits // WORD_BITS)


def _u(name: str, bits: int, doc: str) -> Field:
    return Field(name, bits, False, doc)


def _s(name: str, bits: int, doc: str) -> Field:
    return Field(name, bits, True, doc)


#: A tile that is read from DRAM, pads around it included.
READ = (
    _u("addr", 32, "byte address of the first vector"),
    _u("blk_stride", 32, "bytes from a channel block to the next"),
    _u("row_stride", 24, "bytes from a row to the next"),
    _u("n_blk", 16, "channel blocks, >= 1"),
    _u("n_rows", 16, "rows read from DRAM, >= 1"),
    _u("n_cols", 16, "vectors read in each row, >= 1, contiguous"),
    _u("pad_top", 8, "rows of pad vectors before"),
    _u("pad_bottom", 8, "rows of pad vectors after"),
    _u("pad_left", 8, "pad vectors before each row"),
    _u("pad_right", 8, "pad vectors after each row"),
    _s("pad_value", 8, "the int8 that fills every lane of a pad vector"),
)

#: ``half`` of LOAD: what becomes of the lanes of each vector.
HALF_NONE, HALF_LOWER, HALF_UPPER = 0, 1, 2

#: A tile that is written to DRAM.
WRITE = (
    _u("out_addr", 32, "byte address of the first vector written"),
    _u("out_blk_stride", 32, "bytes from an output block to the next"),
    _u("out_row_stride", 24, "bytes from an output row to the next"),
    _u("out_pix_stride", 16, "bytes from a pixel to the next; a multiple of the vector's bytes"),
    _u("out_rows", 16, "rows written, >= 1"),
    _u("out_cols", 16, "vectors written in each row, >= 1"),
)

LOAD = Instruction(
    "load",
    1,
    ("array", "pstore", "vstore"),
    (
        *READ,
        _u(
            "dest",
            20,
            "first vector address in the activation buffer; written contiguously as "
            "[block][row][col], pads included",
        ),
        _u(
            "half",
            2,
            "0: all lanes as they are; 1: lanes 0 to L/2-1 twice; 2: lanes L/2 to L-1 twice",
        ),
    ),
)

WEIGHT = Instruction(
    "weight",
    2,
    (),
    (
        _u("addr", 32, "byte address, a multiple of axi_bytes"),
        _u("n_bytes", 32, "bytes to stream, a multiple of R*C"),
    ),
)

#: ``dest`` of PARAM.
PARAM_POST, PARAM_VECTOR, PARAM_LRN, PARAM_TABLE, PARAM_DEPTHWISE = 0, 1, 2, 3, 4

PARAM = Instruction(
    "param",
    3,
    ("post", "vstore"),
    (
        _u(
            "dest",
            4,
            "0: post parameters, 1: vector parameters, 2: LRN table, 3: activation table, "
            "4: depthwise weights",
        ),
        _u("addr", 32, "byte address, a multiple of axi_bytes"),
        _u("index", 16, "first slot (0, 1) or word (4) written; 0 for tables"),
        _u("n_beats", 16, "beats of axi_bytes to read, >= 1"),
    ),
)

ARRAY = Instruction(
    "array",
    4,
    ("load", "post"),
    (
        _u("base", 20, "activation buffer address of the first vector"),
        _u("n_cb", 16, "outermost loop: input channel blocks"),
        _u("s_cb", 20, "address step of it, modulo 2**20, like all steps"),
        _u("n_ky", 8, "loop: kernel rows"),
        _u("s_ky", 20, "step"),
        _u("n_kx", 8, "loop: kernel columns"),
        _u("s_kx", 20, "step"),
        _u("n_ob", 12, "loop: output blocks, one weight tile (pass) each"),
        _u("s_ob", 20, "step (0 if all output blocks read the same input)"),
        _u("n_y", 16, "loop in a pass: pixel rows"),
        _u("s_y", 20, "step"),
        _u("n_x", 16, "innermost loop: pixels in a row"),
        _u("s_x", 20, "step"),
        _u(
            "acc",
            16,
            "accumulator address of the first pixel of the first output block; half 1 starts at "
            "acc_depth",
        ),
        _u("accumulate", 1, "0: the first (cb, ky, kx) overwrites the accumulators; 1: it adds"),
        _u(
            "upper",
            20,
            "added to all addresses for lanes L/2 to L-1, modulo 2**20: another pixel for these "
            "rows of the array",
        ),
    ),
)

POST = Instruction(
    "post",
    5,
    ("array", "pstore", "vstore", "param"),
    (
        _u("acc", 16, "accumulator address of the first pixel of the first output block"),
        _u("n_blk", 12, "output blocks, >= 1; each out_rows*out_cols consecutive accumulators"),
        _u("group", 4, "which P of the C columns to emit: columns group*P to group*P+P-1"),
        _u("slot", 8, "parameter slot of the first block; the next follow, modulo param_slots"),
        _s("zero", 8, "zero point of the first stage"),
        _s("low", 8, "lower clamp of the first stage"),
        _s("high", 8, "upper clamp of the first stage"),
        _u("stage2", 1, "1: the second stage q*ma + r*mb + c follows"),
        _u("residual", 1, "1: r is read from DRAM, for a second stage; 0: r = 0"),
        _s("ma", 18, "second stage: multiplier of the first stage's result"),
        _s("mb", 18, "second stage: multiplier of the residual"),
        _s("c", 32, "second stage: constant"),
        _u("shift", 6, "second stage: right shift, half to even"),
        _s("zero2", 8, "second stage: zero point"),
        _s("low2", 8, "second stage: lower clamp"),
        _s("high2", 8, "second stage: upper clamp"),
        _u(
            "res_addr",
            32,
            "byte address of the residual's first P lanes; its strides, rows and columns are those "
            "of the output, its pixels are whole vectors of L bytes",
        ),
        *WRITE,
    ),
)

#: ``reduce`` of the vector engine.
REDUCE_NONE, REDUCE_MAX, REDUCE_SUM, REDUCE_DEPTHWISE = 0, 1, 2, 3
#: ``alu`` of the vector engine.
ALU_ADD, ALU_MUL, ALU_MAX, ALU_MIN = 0, 1, 2, 3
#: ``b_mode`` of the vector engine: no second operand, a whole map (of an A without pads), one
#: vector a block.
B_NONE, B_MAP, B_BROADCAST = 0, 1, 2

VECTOR = Instruction(
    "vector",
    6,
    ("pstore", "vstore", "param"),
    (
        *READ,
        _u("reduce", 2, "window reduction of operand A: 0 none, 1 max, 2 sum, 3 depthwise"),
        _u("kh", 8, "window rows"),
        _u("kw", 8, "window columns"),
        _u("sh", 8, "row stride"),
        _u("sw", 8, "column stride"),
        _u("n_kx", 8, "depthwise: groups of dw_taps columns of the kernel"),
        _u("span", 8, "depthwise: rows of a window, dilation included"),
        _u("row_words", 13, "depthwise: ceil(padded columns / dw_taps)"),
        _u("line_words", 13, "depthwise: the same times the dilation of the rows"),
        _u("dw_weights", 9, "depthwise: first word of the first block's weights"),
        _u("dw_words", 10, "depthwise: words of weights a block"),
        _u(
            "b_mode",
            2,
            "operand B: 0 none (B = 0), 1 a map of A's size (which has no pads then), 2 one vector "
            "a block",
        ),
        _u("b_addr", 32, "byte address of operand B"),
        _u("b_blk_stride", 32, "bytes between its blocks"),
        _u("alu", 2, "0 add, 1 multiply, 2 max, 3 min"),
        _u("per_channel", 1, "1: ma, c and shift come from the parameter slot of the block"),
        _u("slot", 8, "parameter slot of the first block; the next follow, modulo param_slots"),
        _u("lrn", 1, "1: local response normalisation in place of the window and the ALU"),
        _u("lrn_half", 2, "channels to each side of the window (size // 2), 1 or 2"),
        _u("lut", 1, "1: the result indexes the activation table"),
        _s("ca", 24, "added to A (LRN: minus the zero point)"),
        _s("cb", 9, "added to B"),
        _s("ma", 18, "multiplier of A"),
        _s("mb", 18, "multiplier of B, or of the product"),
        _s("c", 32, "constant"),
        _u("shift", 6, "right shift, half to even"),
        _s("zero", 8, "zero point"),
        _s("low", 8, "lower clamp"),
        _s("high", 8, "upper clamp"),
        *WRITE,
    ),
)

END = Instruction("end", 7, COUNTERS, ())

INSTRUCTIONS = (LOAD, WEIGHT, PARAM, ARRAY, POST, VECTOR, END)
BY_NAME = {i.name: i for i in INSTRUCTIONS}
BY_OPCODE = {i.opcode: i for i in INSTRUCTIONS}

#: The parameters of one channel of a post slot, as they are in DRAM.
CHANNEL = BitFields(
    "channel parameters",
    (
        _s("bias", 32, "added to the sum"),
        _s("mantissa", 18, "multiplier"),
        _u("shift", 6, "right shift, half to even"),
    ),
)
#: The same of a vector slot. Configurations without a depthwise unit use 32 bits of the bias.
VECTOR_CHANNEL = BitFields(
    "channel parameters of the vector engine",
    (
        _s("mantissa", 18, "multiplier, VECTOR's ma"),
        _u("shift", 6, "right shift, half to even"),
        _s("bias", 40, "added to the product, VECTOR's c"),
    ),
)
#: Bytes of `CHANNEL` in DRAM, little-endian; the bits above are 0.
CHANNEL_BYTES = 8

_HEADER = BitFields("header", (_u("opcode", 8, ""), *(_u(c, WAIT_BITS, "") for c in COUNTERS)))


def encode(
    instruction: Instruction, waits: Mapping[str, int] | None = None, **values: int
) -> bytes:
    """The bytes of one instruction.

    waits : counter name to the count to wait for. values : every field by name.

    Raises ValueError for a missing, unknown or out-of-range value, and for a wait that the
    instruction's engine does not implement.
    """
    counts = dict.fromkeys(COUNTERS, 0) | dict(waits or {})
    for counter, count in counts.items():
        if count and counter not in instruction.waits:
            raise ValueError(f"{instruction.name}: cannot wait for {counter}")
        if not 0 <= count <= MAX_WAIT:
            raise ValueError(f"{instruction.name}: wait for {counter} = {count} is out of range")
    word = _HEADER.pack(counts | {"opcode": instruction.opcode})
    word |= instruction.payload.pack(values) << WORD_BITS
    return word.to_bytes(instruction.words * WORD_BYTES, "little")


def decode(program: bytes, at: int = 0) -> tuple[Instruction, dict[str, int], dict[str, int], int]:
    """The instruction at byte ``at``: ``(instruction, waits, values, bytes)``.

    Raises ValueError for an unknown opcode, and where the program ends.
    """
    if at >= len(program):
        raise ValueError(f"the program ends after byte {len(program)} without an END")
    instruction = BY_OPCODE.get(program[at])
    if instruction is None:
        raise ValueError(f"no instruction has opcode {program[at]} (byte {at} of the program)")
    size = instruction.words * WORD_BYTES
    if at + size > len(program):
        raise ValueError(
            f"the program ends after byte {len(program)}, within {instruction.name.upper()}"
        )
    word = int.from_bytes(program[at : at + size], "little")
    header = _HEADER.unpack(word)
    waits = {counter: header[counter] for counter in COUNTERS if header[counter]}
    return instruction, waits, instruction.payload.unpack(word >> WORD_BITS), size
